import type { Pool, PoolClient } from 'pg';
import type { OutboxRow } from '#shared/outbox/outbox-message.ts';
import { isUniqueViolation, withDatabaseErrors } from '#shared/postgres/database-errors.ts';
import { query } from '#shared/postgres/statement.ts';
import { runTransaction } from '#shared/postgres/transaction.ts';
import type { Resumption, SagaRepository } from '../../application/ports/saga-repository.ts';
import {
  fromSagaRow,
  fromStockRow,
  type SagaRow,
  type StockRow,
  toReservationRows,
  toSagaRow,
  toStockRow,
} from './rows.ts';
import { findSaga, findSagas } from './sql/find-saga.ts';
import { listSagas, listSagasInNeed } from './sql/list-sagas.ts';
import { lockSagas } from './sql/lock-sagas.ts';
import { lockStock } from './sql/lock-stock.ts';
import { recordResumption } from './sql/record-resumption.ts';
import { storeSagaChanges } from './sql/store-saga-changes.ts';
import { takeOverdueSagas } from './sql/take-overdue-sagas.ts';

/** processor_db behind the port: every set of steps is two locking reads and one write in a transaction. */
export function createSagaRepository(dependencies: { pool: Pool }): SagaRepository {
  const { pool } = dependencies;
  const select = (...[statement, values]: [Parameters<typeof query>[1], readonly unknown[]]) =>
    withDatabaseErrors(async () => (await query<SagaRow>(pool, statement, values)).map(fromSagaRow));
  return {
    change: (scope, decide) =>
      runTransaction(
        pool,
        async (client) => {
          const sagas = await query<SagaRow>(client, lockSagas, [scope.orderIds]);
          const skus = new Set(scope.skus);
          for (const { order } of sagas) for (const { sku } of order.items) skus.add(sku);
          const stock = await query<StockRow>(client, lockStock, [[...skus]]);
          const changes = decide(
            new Map(sagas.map((row) => [row.order_id, fromSagaRow(row)])),
            new Map(stock.map((row) => [row.sku, fromStockRow(row)])),
          );
          const announcements = [...changes.announcements];
          for (const resumption of changes.resumptions) {
            announcements.push(await record(client, resumption, changes.at));
          }
          await query(client, storeSagaChanges, [
            JSON.stringify(changes.created.map(toSagaRow)),
            JSON.stringify(changes.updated.map(toSagaRow)),
            JSON.stringify(changes.stock.map((counts) => toStockRow(counts, changes.at))),
            JSON.stringify(changes.reservations.flatMap((change) => toReservationRows(change, changes.at))),
            JSON.stringify(announcements),
          ]);
          return changes.result;
        },
        { alsoRetry: isUniqueViolation },
      ),

    find: async (orderId) => (await select(findSaga, [orderId]))[0],

    findAll: (orderIds) => select(findSagas, [orderIds]),

    list: ({ state, before = null, limit }) =>
      state === 'needs_attention'
        ? select(listSagasInNeed, [before, limit])
        : select(listSagas, [state ?? null, before, limit]),

    takeOverdue: ({ now, until, limit }) => select(takeOverdueSagas, [now, until, limit]),
  };
}

/** Puts a line into the audit, and gives what is to be announced about it. */
async function record(client: PoolClient, resumption: Resumption, at: Date): Promise<OutboxRow> {
  const { operator, orderId, reason, announce } = resumption;
  const [row] = await query<{ id: number }>(client, recordResumption, [
    operator,
    orderId,
    reason ?? null,
    at,
  ]);
  if (!row) throw new Error('the audit took no line');
  return announce(row.id);
}
