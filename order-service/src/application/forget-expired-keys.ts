import type { Clock } from '#shared/kernel/clock.ts';
import type { IdempotencyRecords } from './ports/idempotency-records.ts';

const batchSize = 1_000;

/** Deletes some of the idempotency keys that have expired; answers whether there may be more. */
export function createForgetExpiredKeys(dependencies: {
  records: Pick<IdempotencyRecords, 'deleteExpired'>;
  clock: Clock;
}): () => Promise<boolean> {
  const { records, clock } = dependencies;
  return async () => (await records.deleteExpired(clock(), batchSize)) === batchSize;
}
