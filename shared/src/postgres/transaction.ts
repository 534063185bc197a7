import type { Pool, PoolClient } from 'pg';
import type { Backoff } from '../kernel/backoff.ts';
import { retry } from '../kernel/retry.ts';
import { fromDatabaseError, isTransactionConflict } from './database-errors.ts';

const conflictBackoff: Backoff = { initialMs: 5, maximumMs: 100 };
const mostAttempts = 6;

/**
 * Runs `work` in one transaction and commits it. A transaction that loses against another one (40001, 40P01) runs
 * again, and so does one whose error `alsoRetry` recognises; `work` must therefore have no effect outside the database.
 *
 * @throws AppError `DATABASE_UNAVAILABLE` or `CONCURRENT_UPDATE`; also when the commit itself fails, in which case it
 * is not known whether it took place.
 */
export async function runTransaction<T>(
  pool: Pool,
  work: (client: PoolClient) => Promise<T>,
  options: { alsoRetry?: (error: unknown) => boolean } = {},
): Promise<T> {
  try {
    return await retry(() => runOnce(pool, work), {
      attempts: mostAttempts,
      backoff: conflictBackoff,
      isPassing: (error) => isTransactionConflict(error) || options.alsoRetry?.(error) === true,
    });
  } catch (error) {
    throw fromDatabaseError(error);
  }
}

async function runOnce<T>(pool: Pool, work: (client: PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  const onError = (error: Error): void => {
    broken = error;
  };
  client.on('error', onError);
  try {
    await client.query('BEGIN');
    const result = await work(client);
    await client.query('COMMIT');
    return result;
  } catch (error) {
    await client.query('ROLLBACK').catch((failure: Error) => {
      broken = failure;
    });
    throw error;
  } finally {
    client.off('error', onError);
    client.release(broken);
  }
}
