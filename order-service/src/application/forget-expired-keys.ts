import type { Clock } from '#shared/kernel/clock.ts';
import { sleep } from '#shared/kernel/sleep.ts';
import type { Logger } from '#shared/observability/logger.ts';
import type { IdempotencyRecords } from './ports/idempotency-records.ts';

const batchSize = 1_000;

/** Deletes expired idempotency keys, in small batches, as long as the process runs. */
export function createKeyCleanup(dependencies: {
  records: Pick<IdempotencyRecords, 'deleteExpired'>;
  clock: Clock;
  intervalMs: number;
  logger: Logger;
}): { start(): void; stop(): Promise<void> } {
  const { records, clock, intervalMs, logger } = dependencies;
  const stopping = new AbortController();
  let running: Promise<void> | undefined;

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      const deleted = await records.deleteExpired(clock(), batchSize).catch((error: unknown) => {
        logger.warn({ err: error }, 'cannot delete expired idempotency keys');
        return 0;
      });
      if (deleted < batchSize) await sleep(intervalMs, stopping.signal);
    }
  }

  return {
    start() {
      running ??= run();
    },
    async stop() {
      stopping.abort();
      await running;
    },
  };
}
