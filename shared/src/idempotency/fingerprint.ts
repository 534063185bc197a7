import { createHash } from 'node:crypto';

/** The same for requests that say the same, whatever the order of their fields. */
export function fingerprintOf(input: unknown): string {
  return createHash('sha256').update(JSON.stringify(input, inOrder)).digest('base64url');
}

function inOrder(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
