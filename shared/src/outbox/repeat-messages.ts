import type { Pool } from 'pg';
import { Counter } from 'prom-client';
import { withDatabaseErrors } from '../postgres/database-errors.ts';
import { repeatMessages } from './sql.ts';

const repeated = new Counter({
  name: 'oms_messages_repeated_total',
  help: 'Messages that go out once more: of the order-service because they were not answered, of the processor-service because it was asked again',
});

/**
 * Has messages about these orders published once more that were published `publishedForMs` milliseconds ago, or longer,
 * and gives how many. Receivers know them by their ids.
 *
 * @throws AppError `DATABASE_UNAVAILABLE`
 */
export type RepeatMessages = (orderIds: readonly string[], publishedForMs: number) => Promise<number>;

/** @param wakeRelay called when there is something to publish */
export function createRepeatMessages({
  pool,
  wakeRelay,
}: {
  pool: Pool;
  wakeRelay: () => void;
}): RepeatMessages {
  return async (orderIds, publishedForMs) => {
    const { rowCount } = await withDatabaseErrors(() =>
      pool.query({ ...repeatMessages, values: [orderIds, publishedForMs] }),
    );
    if (!rowCount) return 0;
    repeated.inc(rowCount);
    wakeRelay();
    return rowCount;
  };
}
