import { describe, expect, test } from '@jest/globals';
import { readIfMatch } from './preconditions.ts';

describe('If-Match', () => {
  test.each([
    [undefined, true],
    ['*', true],
    ['"3"', true],
    ['"2", "3"', true],
    ['"2"', false],
    ['W/"3"', false],
    ['"2", W/"3"', false],
  ])('%s, when the version is 3: %s', (header, matches) => {
    expect(readIfMatch(header)(3)).toBe(matches);
  });

  test.each(['3', '', '"3', '"2" "3"', '*, "3"'])('%j is refused', (header) => {
    expect(() => readIfMatch(header)).toThrow('If-Match');
  });
});
