import pretty from 'pino-pretty';

const widestName = 'processor-service'.length;

/**
 * Turns what a service writes into lines for a terminal, each with the service's name: its JSON log in readable form,
 * anything else as it is.
 */
export function createServiceLog(options: {
  readonly color: boolean;
  readonly write: (line: string) => void;
}): (service: string, line: string) => void {
  const format = pretty.prettyFactory({
    colorize: options.color,
    ignore: 'pid,hostname,name,service',
    translateTime: 'SYS:HH:MM:ss.l',
    singleLine: true,
  });
  return (service, line) => {
    const formatted = line.startsWith('{') ? format(line) : line;
    for (const part of formatted.trimEnd().split('\n'))
      options.write(`${service.padEnd(widestName)} │ ${part}`);
  };
}
