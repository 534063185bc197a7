import type { Pool } from 'pg';
import { withDatabaseErrors } from '#shared/postgres/database-errors.ts';
import { query } from '#shared/postgres/statement.ts';
import type { StockRepository } from '../../application/ports/stock-repository.ts';
import type { PrismaClient } from './generated/client.ts';
import { fromStockRow, type StockRow } from './rows.ts';
import { findStock } from './sql/find-stock.ts';
import { setOnHand } from './sql/set-on-hand.ts';

export function createStockRepository(dependencies: { pool: Pool; prisma: PrismaClient }): StockRepository {
  const { pool, prisma } = dependencies;
  return {
    find: (sku) =>
      withDatabaseErrors(async () => (await prisma.stock.findUnique({ where: { sku } })) ?? undefined),

    findAll: (skus) =>
      withDatabaseErrors(async () => (await query<StockRow>(pool, findStock, [skus])).map(fromStockRow)),

    list: ({ after, limit }) =>
      withDatabaseErrors(() =>
        prisma.stock.findMany({
          where: after === undefined ? {} : { sku: { gt: after } },
          orderBy: { sku: 'asc' },
          take: limit,
        }),
      ),

    setOnHand: (sku, onHand) =>
      withDatabaseErrors(async () => {
        const [row] = await query<StockRow>(pool, setOnHand, [sku, onHand]);
        if (!row) throw new Error('the upsert returned no row');
        return fromStockRow(row);
      }),
  };
}
