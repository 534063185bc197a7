import { createServer } from 'node:net';
import { StackError } from './stack-error.ts';

/** Finds a port: the preferred one if nobody has it, otherwise the next free one above it. */
export type PortPicker = (preferred: number) => Promise<number>;

const attempts = 200;
const highestPort = 65_535;

/**
 * A picker that never hands out the same port twice, so that servers which start at the same time do not meet.
 * A port counts as free when it can be bound on the loopback interface and on all interfaces.
 *
 * @param insisted ports that somebody asked for explicitly, with the name of the setting: if one of these is taken,
 *   that is an error and not a reason to take another.
 */
export function createPortPicker(insisted: ReadonlyMap<number, string> = new Map()): PortPicker {
  const considered = new Set<number>();
  return async (preferred) => {
    const last = Math.min(preferred + attempts, highestPort);
    for (let port = preferred; port <= last; port += 1) {
      if (considered.has(port)) continue;
      considered.add(port);
      if (await isPortFree(port)) return port;
      const setting = port === preferred ? insisted.get(port) : undefined;
      if (setting !== undefined)
        throw new StackError(`Port ${port} (${setting}) is taken by another program.`);
    }
    throw new StackError(`No free port between ${preferred} and ${last}.`);
  };
}

/** Whether a server could listen on this TCP port of this machine right now. */
async function isPortFree(port: number): Promise<boolean> {
  return (await canBind(port, '127.0.0.1')) && (await canBind(port, '0.0.0.0'));
}

function canBind(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
