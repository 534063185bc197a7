import { styleText } from 'node:util';

/** Tells what happens, line by line. Colours are for terminals, and not for who has set NO_COLOR. */
export interface Narrator {
  title(title: string, plot: string): void;
  /** Somebody does something and is answered. */
  step(who: string, request: string, answer: string): void;
  /** Something that happens without anybody being asked. */
  remark(text: string): void;
  /** A heading with the lines of a table below it. */
  table(heading: string, lines: readonly string[]): void;
  verified(facts: readonly string[]): void;
  failed(reason: string): void;
  say(text: string): void;
}

const nameWidth = 18;
const requestWidth = 52;

export function createNarrator(write: (line: string) => void): Narrator {
  const paint = (format: Parameters<typeof styleText>[0], text: string) => styleText(format, text);
  const indented = (line: string) => write(`  ${line}`);
  return {
    title(title, plot) {
      write('');
      write(paint('bold', title));
      indented(plot);
      write('');
    },
    step: (who, request, answer) =>
      indented(
        `${paint('cyan', who.padEnd(nameWidth))}${request.padEnd(requestWidth)} ${paint('dim', '→')} ${answer}`,
      ),
    remark: (text) => indented(`${' '.repeat(nameWidth)}${paint('dim', text)}`),
    table(heading, lines) {
      write('');
      indented(paint('dim', heading));
      for (const line of lines) indented(`  ${line}`);
      write('');
    },
    verified: (facts) => indented(`${paint('green', '✓')} ${facts.join(' · ')}`),
    failed(reason) {
      for (const [index, line] of reason.split('\n').entries())
        indented(index === 0 ? `${paint('red', '✗')} ${line}` : `  ${line}`);
    },
    say: write,
  };
}
