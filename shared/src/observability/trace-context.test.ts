import { expect, test } from '@jest/globals';
import { newTraceparent, traceparentIn } from './trace-context.ts';

const traceparent = newTraceparent();
const other = newTraceparent();

test.each<[string | undefined, string]>([
  [traceparent, JSON.stringify({ id: 'a', traceparent, data: { traceparent: other } })],
  [traceparent, JSON.stringify({ id: `"traceparent":"${other}"`, traceparent })],
  [undefined, JSON.stringify({ traceparent: 'none' })],
  [undefined, JSON.stringify({ data: {} })],
  [undefined, '{"traceparent":"00-'],
  [undefined, ''],
])('finds %s in %s', (found, body) => {
  expect(traceparentIn(body)).toBe(found);
  expect(traceparentIn(Buffer.from(body))).toBe(found);
});
