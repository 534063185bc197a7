import type { Pool } from 'pg';
import { createBatcher } from '#shared/kernel/batcher.ts';
import { isDatabaseUnavailable, withDatabaseErrors } from '#shared/postgres/database-errors.ts';
import { query } from '#shared/postgres/statement.ts';
import { runTransaction } from '#shared/postgres/transaction.ts';
import type { OrderRepository, Placement } from '../../application/ports/order-repository.ts';
import type { PrismaClient } from './generated/client.ts';
import {
  fromOrderRow,
  fromStoredOrder,
  type OrderRow,
  toEventRow,
  toInboxRow,
  toItemRows,
  toOrderRow,
} from './rows.ts';
import { insertOrders } from './sql/insert-orders.ts';
import { lockOrders } from './sql/lock-orders.ts';
import { storeChanges } from './sql/store-changes.ts';
import { readTimeline } from './timeline.ts';

/** How many orders one insert may carry. */
const placementBatchSize = 100;

/**
 * order_db behind the port. Reads go through Prisma; accepting and changing orders are single prepared statements on
 * the pool that Prisma's adapter uses as well (see docs/adr/0003).
 */
export function createOrderRepository(dependencies: { pool: Pool; prisma: PrismaClient }): OrderRepository {
  const { pool, prisma } = dependencies;

  const placements = createBatcher<Placement, void>({
    maxSize: placementBatchSize,
    isolates: (error) => !isDatabaseUnavailable(error),
    async run(set) {
      await query(pool, insertOrders, [
        JSON.stringify(set.map(({ order }) => toOrderRow(order))),
        JSON.stringify(set.flatMap(({ order }) => toItemRows(order))),
        JSON.stringify(set.map(({ history }) => toEventRow(history))),
        JSON.stringify(set.map(({ announcement }) => announcement)),
      ]);
      return set.map(() => undefined);
    },
  });

  return {
    place: (placement) => withDatabaseErrors(() => placements.add(placement)),

    change: (ids, decide) =>
      runTransaction(pool, async (client) => {
        const rows = await query<OrderRow>(client, lockOrders, [ids]);
        const changes = decide(new Map(rows.map((row) => [row.id, fromOrderRow(row)])));
        await query(client, storeChanges, [
          JSON.stringify(changes.orders.map(toOrderRow)),
          JSON.stringify(changes.history.map(toEventRow)),
          JSON.stringify(changes.received.map(toInboxRow)),
        ]);
        return changes.result;
      }),

    async find(id) {
      const stored = await withDatabaseErrors(() =>
        prisma.order.findUnique({ where: { id }, include: { items: { orderBy: { position: 'asc' } } } }),
      );
      return stored ? fromStoredOrder(stored) : undefined;
    },

    async list({ customerId, status, before, limit }) {
      const stored = await withDatabaseErrors(() =>
        prisma.order.findMany({
          where: {
            ...(customerId === undefined ? {} : { customerId }),
            ...(status === undefined ? {} : { status }),
            ...(before === undefined ? {} : { id: { lt: before } }),
          },
          include: { items: { orderBy: { position: 'asc' } } },
          orderBy: { id: 'desc' },
          take: limit,
        }),
      );
      return stored.map(fromStoredOrder);
    },

    timeline: (id) => withDatabaseErrors(() => readTimeline(prisma, id)),
  };
}
