import { createHash } from 'node:crypto';

/** What letters have in common that failed alike. */
export interface FailureKind {
  readonly queue: string;
  readonly type: string;
  readonly errorCode: string;
  /** The innermost place in our own code that the failure went through; see `shared/kernel/own-frame.ts`. */
  readonly frame: string;
}

const length = 8;

/** A short name for a kind of failure: the same for all letters that failed alike, whenever and wherever it is asked. */
export function fingerprintOf({ queue, type, errorCode, frame }: FailureKind): string {
  const kind = JSON.stringify([queue, type, errorCode, frame]);
  return createHash('sha256').update(kind).digest('hex').slice(0, length);
}
