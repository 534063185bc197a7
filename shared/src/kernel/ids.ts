import { randomFillSync } from 'node:crypto';
import { v5, v7, validate } from 'uuid';

/** Drawn in advance: a system call for every identifier costs five times as much as everything else about it. */
const entropy = Buffer.alloc(4_096);
const bytesPerId = 16;
let unused = entropy.length;

let latestMs = 0;
let sequence = 0;

/**
 * A new identifier: UUID version 7 (RFC 9562), which sorts by creation time and keeps indexes compact. Those of one
 * process sort in the order of the calls.
 */
export function newId(): string {
  const random = drawEntropy();
  const now = Date.now();
  if (now > latestMs) {
    latestMs = now;
    // Begins in the lower half of its 32 bits, so that it does not run over within the millisecond.
    sequence = random.readUInt32BE(0) >>> 1;
  } else {
    sequence += 1;
  }
  return v7({ random, msecs: latestMs, seq: sequence });
}

/** Of our own, so that names given elsewhere lead to other identifiers. */
const namespace = '5b0c1a1e-6f5c-4a52-9d0b-3d7d6a0f2b51';

/** The identifier that belongs to a name, the same one every time: UUID version 5 (RFC 9562). */
export function idOfName(name: string): string {
  return v5(name, namespace);
}

/** Whether a text is a UUID, of any version. */
export function isUuid(text: string): boolean {
  return validate(text);
}

function drawEntropy(): Buffer {
  if (unused === entropy.length) {
    randomFillSync(entropy);
    unused = 0;
  }
  unused += bytesPerId;
  return entropy.subarray(unused - bytesPerId, unused);
}

/** The lowest identifier that {@link newId} can have given at this time, in milliseconds since 1970. */
export function firstIdAt(timeMs: number): string {
  const hex = Math.trunc(timeMs).toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000000`;
}

/** When {@link newId} gave an identifier, in milliseconds since 1970. Of others it says nothing true. */
export function timeOfId(id: string): number {
  return Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16);
}
