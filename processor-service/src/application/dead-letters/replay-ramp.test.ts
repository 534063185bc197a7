import { expect, test } from '@jest/globals';
import { batchSizes } from './replay-ramp.ts';

test.each([
  [1, [1, 2]],
  [4, [1, 2, 5, 8]],
  [20, [1, 2, 5, 10, 20, 40]],
  [50, [1, 2, 5, 10, 20, 50, 100]],
  [1_000, [1, 2, 5, 10, 20, 50, 100]],
])('at %i per second, batches grow to what two seconds let through', (rate, sizes) => {
  expect(batchSizes(rate)).toEqual(sizes);
});
