import { z } from 'zod';

/** Visible ASCII, with or without the quotes of a structured field (draft-ietf-httpapi-idempotency-key-header-07). */
const pattern = /^(?:"[\x20\x21\x23-\x5b\x5d-\x7e]{1,255}"|[\x21\x23-\x7e]{1,255})$/;

export const idempotencyKeyHeader = z.object({
  'idempotency-key': z
    .string()
    .regex(pattern, 'has to be 1 to 255 visible ASCII characters')
    .optional()
    .describe('Chosen by the caller: the request is carried out once, and a repetition is answered alike'),
});

/** Of an answer that was given before. */
export const replayedHeader = 'idempotent-replayed';

/** The key of a request that has one; with and without quotes it is the same. */
export function idempotencyKeyOf(headers: Readonly<Record<string, unknown>>): string | undefined {
  const header = headers['idempotency-key'];
  return typeof header === 'string' ? header.replaceAll('"', '') : undefined;
}
