import { createWriteStream, mkdirSync, type WriteStream } from 'node:fs';
import { join } from 'node:path';

/** One file per source in a folder, begun afresh by every start: `<folder>/<source>.log`. */
export function openLogFiles(folder: string): (source: string, line: string) => void {
  const files = new Map<string, WriteStream>();
  return (source, line) => {
    let file = files.get(source);
    if (file === undefined) {
      mkdirSync(folder, { recursive: true });
      file = createWriteStream(join(folder, `${source}.log`));
      // A full disk must not stop the stack from stopping in order.
      file.on('error', () => undefined);
      files.set(source, file);
    }
    file.write(`${line}\n`);
  };
}
