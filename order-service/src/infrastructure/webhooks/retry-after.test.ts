import { expect, test } from '@jest/globals';
import { readRetryAfter } from './retry-after.ts';

const now = new Date('2026-11-21T12:00:00Z');

test.each([
  ['120', 120_000],
  ['0', 0],
  ['Sat, 21 Nov 2026 12:01:00 GMT', 60_000],
  ['Sat, 21 Nov 2026 11:00:00 GMT', 0],
  ['-5', undefined],
  ['1.5', undefined],
  ['soon', undefined],
  ['99999999999', undefined],
  ['', undefined],
  [undefined, undefined],
])('Retry-After: %s is %s milliseconds', (header, milliseconds) => {
  expect(readRetryAfter(header, now)).toBe(milliseconds);
});
