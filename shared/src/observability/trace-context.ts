import { randomUUID } from 'node:crypto';

/** `version-traceid-parentid-flags`, lower-case hexadecimal: W3C Trace Context, section 3.2. */
const traceparentPattern = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

export function isTraceparent(value: unknown): value is string {
  return typeof value === 'string' && traceparentPattern.test(value);
}

/** A trace of our own, for requests that came without one. */
export function newTraceparent(): string {
  // Node draws the randomness of UUIDs in advance; asking for bytes costs a system call each time.
  const traceId = randomUUID().replaceAll('-', '');
  const parentId = randomUUID().replaceAll('-', '').slice(0, 16);
  return `00-${traceId}-${parentId}-01`;
}

/** The part that names the whole trace. */
export function traceIdOf(traceparent: string): string {
  return traceparent.slice(3, 35);
}

const marker = '"traceparent":"';
const length = 55;

/**
 * What the event in a body was written by, without opening the whole body: the `traceparent` of our envelopes stands
 * before their data, and JSON of our own has no spaces. `undefined` for anything else.
 */
export function traceparentIn(body: Buffer | string): string | undefined {
  const at = body.indexOf(marker);
  if (at < 0) return undefined;
  const from = at + marker.length;
  const found = body.slice(from, from + length).toString();
  return isTraceparent(found) ? found : undefined;
}
