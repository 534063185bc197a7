import { expect, test } from '@jest/globals';
import { backoffDelay } from './backoff.ts';

const backoff = { initialMs: 100, maximumMs: 1_000 };

test('a delay doubles with every attempt until it reaches the maximum', () => {
  const longest = [1, 2, 3, 4, 5, 60].map((attempt) => backoffDelay(backoff, attempt, () => 1));
  expect(longest).toEqual([100, 200, 400, 800, 1_000, 1_000]);
});

test('a delay is spread over its upper half', () => {
  expect(backoffDelay(backoff, 2, () => 0)).toBe(100);
  expect(backoffDelay(backoff, 2, () => 0.5)).toBe(150);
});
