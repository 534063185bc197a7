import { describe, expect, it } from '@jest/globals';
import { idOfName, isUuid, newId } from './ids.ts';

const versionSeven = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
/** Many of them in each millisecond, and more than the entropy that is drawn at once is good for. */
const ids = Array.from({ length: 20_000 }, newId);

describe('newId', () => {
  it('gives UUIDs of version 7', () => {
    expect(ids.filter((id) => !versionSeven.test(id))).toEqual([]);
  });

  it('gives none twice', () => {
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('gives them in the order in which they sort', () => {
    expect(ids.toSorted()).toEqual(ids);
  });

  it('begins them with the time', () => {
    const milliseconds = Number.parseInt(newId().replace('-', '').slice(0, 12), 16);
    expect(Math.abs(milliseconds - Date.now())).toBeLessThan(1_000);
  });

  it('draws the tail of each anew', () => {
    const tails = ids.map((id) => id.slice(-11));
    expect(new Set(tails).size).toBeGreaterThan(0.999 * tails.length);
  });
});

describe('idOfName', () => {
  it('gives one name one UUID of version 5, and another name another one', () => {
    expect(idOfName('a')).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(idOfName('a')).toBe(idOfName('a'));
    expect(idOfName('b')).not.toBe(idOfName('a'));
  });
});

describe('isUuid', () => {
  it('knows one from anything else', () => {
    expect([newId(), idOfName('a'), 'a', '', `${newId()} `].map(isUuid)).toEqual([
      true,
      true,
      false,
      false,
      false,
    ]);
  });
});
