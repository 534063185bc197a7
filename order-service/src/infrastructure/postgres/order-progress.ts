import type { Pool } from 'pg';
import { withDatabaseErrors } from '#shared/postgres/database-errors.ts';
import { query } from '#shared/postgres/statement.ts';
import type { HistoryEntry, OrderProgress } from '../../application/ports/order-progress.ts';
import { hasEnded, type Order } from '../../domain/order.ts';
import { historyBehind } from './sql/history-behind.ts';
import { type HistoryRow, toHistoryEntry } from './timeline.ts';

type Row = Pick<Order, 'status' | 'failure' | 'cancellation' | 'refunds'> & {
  readonly place: number;
} & (({ readonly version: null } & Partial<HistoryRow>) | HistoryRow);

/** {@link OrderProgress} in order_db. */
export function createOrderProgress({ pool }: { pool: Pool }): OrderProgress {
  return {
    async behind(versions) {
      const found = versions.map(() => ({ entries: [] as HistoryEntry[], hasEnded: false }));
      const ids = versions.map(({ orderId }) => orderId);
      const afters = versions.map(({ after }) => after);
      const rows = await withDatabaseErrors(() => query<Row>(pool, historyBehind, [ids, afters]));
      for (const row of rows) {
        const news = found[row.place];
        if (!news) continue;
        news.hasEnded = hasEnded(row);
        if (row.version !== null) news.entries.push(toHistoryEntry(row));
      }
      return found;
    },
  };
}
