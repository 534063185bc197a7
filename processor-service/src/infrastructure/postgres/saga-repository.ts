import type { Pool } from 'pg';
import { isUniqueViolation, withDatabaseErrors } from '#shared/postgres/database-errors.ts';
import { query } from '#shared/postgres/statement.ts';
import { runTransaction } from '#shared/postgres/transaction.ts';
import type { SagaRepository } from '../../application/ports/saga-repository.ts';
import {
  fromSagaRow,
  fromStockRow,
  type SagaRow,
  type StockRow,
  toReservationRows,
  toSagaRow,
  toStockRow,
} from './rows.ts';
import { lockSagas } from './sql/lock-sagas.ts';
import { lockStock } from './sql/lock-stock.ts';
import { storeSagaChanges } from './sql/store-saga-changes.ts';
import { takeOverdueSagas } from './sql/take-overdue-sagas.ts';

/** processor_db behind the port: every set of steps is two locking reads and one write in a transaction. */
export function createSagaRepository(dependencies: { pool: Pool }): SagaRepository {
  const { pool } = dependencies;
  return {
    change: (scope, decide) =>
      runTransaction(
        pool,
        async (client) => {
          const sagas = await query<SagaRow>(client, lockSagas, [scope.orderIds]);
          const stock = await query<StockRow>(client, lockStock, [scope.skus]);
          const changes = decide(
            new Map(sagas.map((row) => [row.order_id, fromSagaRow(row)])),
            new Map(stock.map((row) => [row.sku, fromStockRow(row)])),
          );
          await query(client, storeSagaChanges, [
            JSON.stringify(changes.created.map(toSagaRow)),
            JSON.stringify(changes.updated.map(toSagaRow)),
            JSON.stringify(changes.stock.map((counts) => toStockRow(counts, changes.at))),
            JSON.stringify(changes.reservations.flatMap((change) => toReservationRows(change, changes.at))),
            JSON.stringify(changes.announcements),
          ]);
          return changes.result;
        },
        { alsoRetry: isUniqueViolation },
      ),

    takeOverdue: ({ now, until, limit }) =>
      withDatabaseErrors(async () =>
        (await query<SagaRow>(pool, takeOverdueSagas, [now, until, limit])).map(fromSagaRow),
      ),
  };
}
