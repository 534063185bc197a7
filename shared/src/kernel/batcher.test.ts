import { describe, expect, test } from '@jest/globals';
import { createBatcher } from './batcher.ts';

/** A batcher whose sets wait until they are let through. */
function gated(options: { maxSize?: number; failOn?: (set: readonly number[]) => Error | undefined } = {}) {
  const sets: number[][] = [];
  const gates: (() => void)[] = [];
  const batcher = createBatcher<number, string>({
    maxSize: options.maxSize ?? 10,
    isolates: (error) => (error as Error).message !== 'everything is down',
    async run(set) {
      sets.push([...set]);
      await new Promise<void>((resolve) => gates.push(resolve));
      const error = options.failOn?.(set);
      if (error) throw error;
      return set.map((item) => `done ${item}`);
    },
  });
  const nextSet = async (count: number) => {
    while (sets.length < count) await new Promise((resolve) => setImmediate(resolve));
  };
  return { batcher, sets, nextSet, open: () => gates.shift()?.() };
}

describe('a batcher', () => {
  test('runs what arrives at the same moment as one set and gives each its own result', async () => {
    const { batcher, sets, nextSet, open } = gated();
    const results = Promise.all([1, 2, 3].map((item) => batcher.add(item)));
    await nextSet(1);
    open();
    expect(await results).toEqual(['done 1', 'done 2', 'done 3']);
    expect(sets).toEqual([[1, 2, 3]]);
  });

  test('gathers what arrives during a set into the next one, in order and up to the limit', async () => {
    const { batcher, sets, nextSet, open } = gated({ maxSize: 2 });
    const results = [batcher.add(1)];
    await nextSet(1);
    results.push(batcher.add(2), batcher.add(3), batcher.add(4));
    for (let count = 1; count <= 3; count += 1) {
      await nextSet(count);
      open();
    }
    await Promise.all(results);
    expect(sets).toEqual([[1], [2, 3], [4]]);
  });

  test('lets a bad item fail alone', async () => {
    const { batcher, sets, nextSet, open } = gated({
      failOn: (set) => (set.includes(2) ? new Error('two is bad') : undefined),
    });
    const results = Promise.allSettled([1, 2, 3].map((item) => batcher.add(item)));
    for (let count = 1; count <= 4; count += 1) {
      await nextSet(count);
      open();
    }
    expect((await results).map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(sets).toEqual([[1, 2, 3], [1], [2], [3]]);
  });

  test('fails a whole set at once when the error is not about its items', async () => {
    const { batcher, sets, nextSet, open } = gated({ failOn: () => new Error('everything is down') });
    const results = Promise.allSettled([1, 2].map((item) => batcher.add(item)));
    await nextSet(1);
    open();
    expect((await results).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(sets).toHaveLength(1);
  });
});
