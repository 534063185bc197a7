import type { Clock } from '../kernel/clock.ts';

const batchSize = 1_000;

/** Work that deletes some of what has expired, of each kind, and answers whether there may be more. */
export function createForgetExpired(dependencies: {
  records: readonly { deleteExpired(now: Date, limit: number): Promise<number> }[];
  clock: Clock;
}): () => Promise<boolean> {
  const { records, clock } = dependencies;
  return async () => {
    const deleted = await Promise.all(records.map((each) => each.deleteExpired(clock(), batchSize)));
    return deleted.includes(batchSize);
  };
}
