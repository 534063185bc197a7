import type { Logger } from 'pino';
import { createPeriodicWork, type PeriodicWork } from '../process/periodic-work.ts';
import { createForgetExpired } from './forget-expired.ts';

const intervalMs = 60_000;

/** Deletes idempotency keys that have expired, with what was kept under them, for as long as the process runs. */
export function createKeyCleanup({
  logger,
  ...expiring
}: Parameters<typeof createForgetExpired>[0] & { logger: Logger }): PeriodicWork {
  return createPeriodicWork({
    work: createForgetExpired(expiring),
    intervalMs,
    complaint: 'cannot delete expired idempotency keys',
    logger,
  });
}
