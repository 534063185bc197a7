import { expect, test } from '@jest/globals';
import { createNumberSet } from './number-set.ts';

test('has exactly what was added, also at the edges of its blocks', () => {
  const set = createNumberSet();
  const added = [0, 7, 8, 32_767, 32_768, 5_000_000_000];
  for (const number of added) set.add(number);
  expect(added.every(set.has)).toBe(true);
  expect([1, 6, 9, 32_766, 32_769, 65_535, 4_999_999_999].some(set.has)).toBe(false);
});
