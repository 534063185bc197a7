import type { Pool } from 'pg';
import { withDatabaseErrors } from '#shared/postgres/database-errors.ts';
import { query } from '#shared/postgres/statement.ts';
import type { AwaitedOrder, AwaitedOrders } from '../../application/ports/awaited-orders.ts';
import { nextAwaitedOrders } from './sql/awaited-orders.ts';

/** {@link AwaitedOrders} in order_db. */
export function createAwaitedOrders({ pool }: { pool: Pool }): AwaitedOrders {
  return {
    next: ({ after, until, limit, overdueMs }) =>
      withDatabaseErrors(() =>
        query<AwaitedOrder>(pool, nextAwaitedOrders, [after, limit, until, overdueMs]),
      ),
  };
}
