import type { Pool } from 'pg';
import { createOrderAudit } from '#order-service/infrastructure/postgres/order-audit.ts';
import { query, type Statement } from '#shared/postgres/statement.ts';
import { createPublications } from './publications.ts';

const findOrders: Statement = {
  name: 'audit-find-orders',
  text: 'SELECT id FROM orders WHERE id = ANY ($1::uuid[])',
};

export type OrderDatabase = ReturnType<typeof createOrderDatabase>;

/** order_db as a witness. */
export function createOrderDatabase(pool: Pool) {
  return {
    ...createOrderAudit({ pool }),
    ...createPublications(pool),
    /** Those of these ids that are no order's. */
    async missing(ids: readonly string[]): Promise<readonly string[]> {
      const found = new Set((await query<{ id: string }>(pool, findOrders, [ids])).map(({ id }) => id));
      return ids.filter((id) => !found.has(id));
    },
  };
}
