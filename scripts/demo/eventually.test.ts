import { describe, expect, it } from '@jest/globals';
import { createEventually } from './eventually.ts';
import { StoryFailed } from './story-failed.ts';

const count = { expected: 'it to become 3', is: (seen: number) => seen === 3, found: String };

describe('waiting', () => {
  it('ends with what was waited for, whatever was seen before', async () => {
    const eventually = createEventually(new AbortController().signal);
    let seen = 0;
    const look = async () => {
      seen += 1;
      if (seen === 2) throw new StoryFailed('503');
      return seen;
    };
    expect(await eventually({ ...count, look })).toBe(3);
  });

  it('fails with what was expected and what was found instead, or with why nothing was', async () => {
    const eventually = createEventually(new AbortController().signal);
    const waiting = eventually({ ...count, look: async () => 2, withinMs: 0 });
    await expect(waiting).rejects.toThrow(new StoryFailed('expected it to become 3 within 0 s; found 2'));
    const refused = async () => Promise.reject(new StoryFailed('was answered 503'));
    await expect(eventually({ ...count, look: refused, withinMs: 0 })).rejects.toThrow(
      'expected it to become 3 within 0 s; was answered 503',
    );
  });

  it('does not hide a mistake of its own, and ends when everybody leaves', async () => {
    const leaving = new AbortController();
    const eventually = createEventually(leaving.signal);
    const mistaken = async () => Promise.reject(new TypeError('no such thing'));
    await expect(eventually({ ...count, look: mistaken })).rejects.toThrow(TypeError);
    const waiting = eventually({ ...count, look: async () => 2 });
    leaving.abort(new Error('time to go'));
    await expect(waiting).rejects.toThrow('time to go');
  });
});
