import { AsyncLocalStorage } from 'node:async_hooks';

/** Turns single calls that happen at the same time into calls with a set. */
export interface Batcher<Item, Result> {
  /** Resolves with this item's own result, once the set that carried it is done. */
  add(item: Item): Promise<Result>;
}

interface Waiting<Item, Result> {
  readonly item: Item;
  readonly resolve: (result: Result) => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * Group commit for anything that is cheaper in sets. A lone item runs at once; whatever arrives while a set is
 * running makes up the next one, in order of arrival. So light load pays no waiting time, and heavy load shares round
 * trips and commits.
 *
 * `run` returns one result per item, in the same order. When a set of several fails and `isolates(error)` holds, its
 * items run again one by one, so that a bad item fails alone; `run` must therefore leave nothing behind when it fails.
 */
export function createBatcher<Item, Result>(options: {
  run: (items: readonly Item[]) => Promise<readonly Result[]>;
  maxSize: number;
  isolates?: (error: unknown) => boolean;
}): Batcher<Item, Result> {
  const { run, maxSize, isolates = () => true } = options;
  let queue: Waiting<Item, Result>[] = [];
  let running = false;
  /** A set is not the work of whoever happened to be first in it. */
  const onNobodysBehalf = AsyncLocalStorage.snapshot();

  async function runSet(set: readonly Waiting<Item, Result>[]): Promise<void> {
    try {
      const results = await run(set.map((waiting) => waiting.item));
      set.forEach((waiting, index) => waiting.resolve(results[index] as Result));
    } catch (error) {
      if (set.length === 1 || !isolates(error)) {
        for (const waiting of set) waiting.reject(error);
        return;
      }
      for (const waiting of set) await runSet([waiting]);
    }
  }

  async function drain(): Promise<void> {
    running = true;
    // One turn of the event loop lets everything that is already on its way join the first set.
    await new Promise((resolve) => setImmediate(resolve));
    while (queue.length > 0) {
      const set = queue.slice(0, maxSize);
      queue = queue.slice(maxSize);
      await runSet(set);
    }
    running = false;
  }

  return {
    add(item) {
      return new Promise((resolve, reject) => {
        queue.push({ item, resolve, reject });
        if (!running) void onNobodysBehalf(drain);
      });
    },
  };
}
