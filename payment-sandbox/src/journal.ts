import { closeSync, fstatSync, ftruncateSync, mkdirSync, openSync, readSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

/** Records that outlive the process: JSON, one a line. */
export interface Journal {
  append(record: object): void;
  /** Resolves once everything appended so far is in the file; rejects if it could not be written, now and ever after. */
  flushed(): Promise<void>;
  /** Writes what is pending and lets go of the file. */
  close(): void;
}

const NEWLINE = 0x0a;
const CHUNK_BYTES = 1 << 20;
const SETTLED = Promise.resolve();

/** A journal that forgets: for a sandbox that need not survive its process. */
export function forgetfulJournal(): Journal {
  return { append: () => {}, flushed: () => SETTLED, close: () => {} };
}

/**
 * Opens (or creates) the file, feeds every record in it to `replay` and then appends to it.
 *
 * A process that dies in the middle of a write leaves half a line at the end. It is cut off, so that the next line
 * starts clean, and given to `onTorn`: nobody was told about it, because answers wait for `flushed`. Anything
 * unreadable further up is damage and throws, and so does what `replay` throws.
 *
 * What is appended in one turn of the event loop goes out in one `write`. It reaches the page cache, not the platter:
 * it survives `kill -9` of this process, not a power cut.
 */
export function openJournal(options: {
  file: string;
  replay: (record: unknown) => void;
  onTorn: (tail: string) => void;
}): Journal {
  mkdirSync(dirname(options.file), { recursive: true });
  const fd = openSync(options.file, 'a+');
  const { goodBytes, unterminated, torn } = replayFile(fd, options.replay);
  if (torn !== null) {
    ftruncateSync(fd, goodBytes);
    options.onTorn(torn);
  }

  let pending = unterminated ? '\n' : '';
  let group: PromiseWithResolvers<void> | undefined;
  let failure: unknown;

  const flush = (): void => {
    if (group === undefined) return;
    const written = group;
    const bytes = Buffer.from(pending);
    group = undefined;
    pending = '';
    try {
      for (let offset = 0; offset < bytes.length; ) offset += writeSync(fd, bytes, offset);
      written.resolve();
    } catch (error) {
      // Memory is ahead of the file from here on: nothing this process says can be trusted until it is started again.
      failure = error;
      written.reject(error);
    }
  };

  return {
    append(record) {
      if (failure !== undefined) throw failure;
      pending += `${JSON.stringify(record)}\n`;
      if (group !== undefined) return;
      group = Promise.withResolvers();
      group.promise.catch(() => {}); // whoever waits for `flushed` sees it; an unwatched group must not end the process
      setImmediate(flush);
    },
    flushed() {
      if (failure !== undefined) return Promise.reject(failure);
      return group === undefined ? SETTLED : group.promise;
    },
    close() {
      flush();
      closeSync(fd);
    },
  };
}

/** Feeds the file record by record; says up to which byte it is good and what is torn off behind that. */
function replayFile(
  fd: number,
  replay: (record: unknown) => void,
): { goodBytes: number; unterminated: boolean; torn: string | null } {
  const size = fstatSync(fd).size;
  let goodBytes = 0;
  for (const line of readLines(fd, size)) {
    const record = parseLine(line.text);
    if (record === undefined) {
      if (line.end === size) return { goodBytes, unterminated: false, torn: line.text };
      throw new Error(`Unreadable line at byte ${goodBytes} of ${size}`);
    }
    replay(record);
    goodBytes = line.end;
    // Only its newline is missing: the record is whole, and forgetting money would be worse than keeping it.
    if (!line.terminated) return { goodBytes, unterminated: true, torn: null };
  }
  return { goodBytes, unterminated: false, torn: null };
}

function parseLine(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The lines of a file of any size, in bounded memory; `end` is the offset behind the line. */
function* readLines(fd: number, size: number): Generator<{ text: string; end: number; terminated: boolean }> {
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  let rest = Buffer.alloc(0);
  let restStart = 0;
  for (let position = 0; position < size; ) {
    const length = readSync(fd, chunk, 0, CHUNK_BYTES, position);
    if (length === 0) break;
    position += length;
    const bytes = Buffer.concat([rest, chunk.subarray(0, length)]);
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE); end !== -1; end = bytes.indexOf(NEWLINE, start)) {
      yield { text: bytes.toString('utf8', start, end), end: restStart + end + 1, terminated: true };
      start = end + 1;
    }
    rest = bytes.subarray(start);
    restStart += start;
  }
  if (rest.length > 0) yield { text: rest.toString(), end: restStart + rest.length, terminated: false };
}
