import type { Pool } from 'pg';
import { keyInUse } from '#shared/idempotency/refusals.ts';
import { createBatcher } from '#shared/kernel/batcher.ts';
import { AppError } from '#shared/kernel/errors.ts';
import { isDatabaseUnavailable, withDatabaseErrors } from '#shared/postgres/database-errors.ts';
import { query } from '#shared/postgres/statement.ts';
import { runTransaction } from '#shared/postgres/transaction.ts';
import type { OrderRepository, Placement } from '../../application/ports/order-repository.ts';
import type { Prisma, PrismaClient } from './generated/client.ts';
import { toKeyRow, withTakenKeys } from './idempotency-records.ts';
import {
  fromOrderRow,
  fromStoredOrder,
  type OrderRow,
  toEventRow,
  toInboxRow,
  toItemRows,
  toOrderRow,
} from './rows.ts';
import { insertOrders, insertOrdersWithKeys } from './sql/insert-orders.ts';
import { lockOrders } from './sql/lock-orders.ts';
import { reviseOrder } from './sql/revise-order.ts';
import { storeChanges } from './sql/store-changes.ts';
import { readTimeline } from './timeline.ts';

/** How many orders one insert may carry. */
const placementBatchSize = 100;

const include = { items: { orderBy: { position: 'asc' } } } as const;

/**
 * order_db behind the port. Reads go through Prisma; accepting and changing orders are single prepared statements on
 * the pool that Prisma's adapter uses as well (see docs/adr/0003).
 */
export function createOrderRepository(dependencies: { pool: Pool; prisma: PrismaClient }): OrderRepository {
  const { pool, prisma } = dependencies;

  const placements = createBatcher<Placement, boolean>({
    maxSize: placementBatchSize,
    isolates: (error) => !isDatabaseUnavailable(error),
    async run(set) {
      const rows = [
        JSON.stringify(set.map(({ order }) => toOrderRow(order))),
        JSON.stringify(set.flatMap(({ order }) => toItemRows(order))),
        JSON.stringify(set.map(({ history }) => toEventRow(history))),
        JSON.stringify(set.map(({ announcement }) => announcement)),
      ];
      const keys = set.flatMap(({ order, record }) =>
        record ? [{ order_id: order.id, ...toKeyRow(record) }] : [],
      );
      if (keys.length === 0) {
        await query(pool, insertOrders, rows);
        return set.map(() => true);
      }
      const left = await query<{ order_id: string }>(pool, insertOrdersWithKeys, [
        ...rows,
        JSON.stringify(keys),
      ]);
      const refused = new Set(left.map(({ order_id: id }) => id));
      return set.map(({ order }) => !refused.has(order.id));
    },
  });

  return {
    async place(placement) {
      const isAccepted = await withDatabaseErrors(() => placements.add(placement));
      if (!isAccepted) throw keyInUse();
    },

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

    async revise({ order, history, announcements, record }) {
      const revised = await withDatabaseErrors(() =>
        withTakenKeys(() =>
          query(pool, reviseOrder, [
            JSON.stringify(toOrderRow(order)),
            JSON.stringify([toEventRow(history)]),
            JSON.stringify(announcements),
            order.version - 1,
            JSON.stringify(record ? [toKeyRow(record)] : []),
          ]),
        ),
      );
      if (revised.length === 0) throw changedMeanwhile(order.id);
    },

    async recordAction({ messageId, orderId, action: type, operator, detail, at: occurredAt }) {
      const data = { messageId, orderId, type, operator, detail: detail as Prisma.JsonObject, occurredAt };
      await withDatabaseErrors(() => prisma.operatorAction.createMany({ data, skipDuplicates: true }));
    },

    async find(id) {
      const stored = await withDatabaseErrors(() => prisma.order.findUnique({ where: { id }, include }));
      return stored ? fromStoredOrder(stored) : undefined;
    },

    async findMany(ids) {
      const where = { id: { in: [...ids] } };
      const stored = await withDatabaseErrors(() => prisma.order.findMany({ where, include }));
      return stored.map(fromStoredOrder);
    },

    async received(messageIds) {
      const where = { messageId: { in: [...messageIds] } };
      const select = { messageId: true };
      const found = await withDatabaseErrors(() => prisma.inboxMessage.findMany({ where, select }));
      return found.map(({ messageId }) => messageId);
    },

    async list({ customerId, status, before, limit }) {
      const stored = await withDatabaseErrors(() =>
        prisma.order.findMany({
          where: {
            ...(customerId === undefined ? {} : { customerId }),
            ...(status === undefined ? {} : { status }),
            ...(before === undefined ? {} : { id: { lt: before } }),
          },
          include,
          orderBy: { id: 'desc' },
          take: limit,
        }),
      );
      return stored.map(fromStoredOrder);
    },

    timeline: (id) => withDatabaseErrors(() => readTimeline(prisma, id)),
  };
}

function changedMeanwhile(orderId: string): AppError {
  return new AppError({
    code: 'CONCURRENT_UPDATE',
    kind: 'conflict',
    message: `order ${orderId} was changed at the same time`,
  });
}
