import type { Pool } from 'pg';
import { query } from '#shared/postgres/statement.ts';
import type { OrderEvidence } from '../../application/ports/order-evidence.ts';
import { nextOpenOrders, nextOrders, readOrderEvidence } from './sql/audit-orders.ts';

/** What the auditor reads in order_db; it changes nothing. Rejects with what the driver throws. */
export function createOrderAudit({ pool }: { pool: Pool }) {
  const idsOf = (rows: readonly { id: string }[]): readonly string[] => rows.map(({ id }) => id);
  return {
    read: (ids: readonly string[]): Promise<readonly OrderEvidence[]> =>
      query<OrderEvidence>(pool, readOrderEvidence, [ids]),
    /** The orders behind `after`, by id. */
    next: async (after: string, limit: number) => idsOf(await query(pool, nextOrders, [after, limit])),
    /** Those that have not ended, of those placed before the id `until`. */
    nextOpen: async (after: string, limit: number, until: string) =>
      idsOf(await query(pool, nextOpenOrders, [after, limit, until])),
  };
}
