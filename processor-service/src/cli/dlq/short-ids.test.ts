import { describe, expect, test } from '@jest/globals';
import { mayBeShort, resolveId, shortLengthOf } from './short-ids.ts';

const ids = [
  '01a1fc1b-0d7b-77a6-978c-a21a409fe798',
  '01a1fc1b-0d7b-77a6-978c-b31a409fe798',
  'sha256-00ff00ff00ff00ff',
];

describe('short ids', () => {
  test('are as long as it takes to tell them apart, and eight at least', () => {
    expect(shortLengthOf(ids)).toBe(11);
    expect(shortLengthOf(ids.slice(1))).toBe(8);
    expect(shortLengthOf([])).toBe(8);
    expect(shortLengthOf(['a', 'a', 'b'])).toBe(8);
  });

  test('lead back to the whole id', () => {
    for (const id of ids) expect(resolveId(id.slice(-12), ids)).toBe(id);
    expect(() => resolveId('nobody', ids)).toThrow('there is no dead letter nobody');
    expect(resolveId('00ff', [...ids, '00ff'])).toBe('00ff');
  });

  test('are refused when they may mean several', () => {
    expect(() => resolveId('409fe798', ids)).toThrow(/^409fe798 may be any of 2: /);
  });

  test('are told from whole ones', () => {
    expect(ids.map(mayBeShort)).toEqual([false, false, false]);
    expect(ids.map((id) => mayBeShort(id.slice(-8)))).toEqual([true, true, true]);
  });
});
