import type { Pool } from 'pg';
import { query } from '#shared/postgres/statement.ts';
import type { AuditedSaga, SagaEvidence, StockEvidence } from '../../application/ports/saga-evidence.ts';
import { type OrderToProcess, stockLinesOf } from '../../domain/order-to-process.ts';
import { nextSagas, overdueSagas, readSagaEvidence, readStockEvidence } from './sql/audit-sagas.ts';

interface Row extends Omit<SagaEvidence, 'saga'> {
  readonly saga: (AuditedSaga & { readonly order: OrderToProcess }) | null;
}

/** What the auditor reads in processor_db; it changes nothing. Rejects with what the driver throws. */
export function createSagaAudit({ pool }: { pool: Pool }) {
  const idsOf = (rows: readonly { id: string }[]): readonly string[] => rows.map(({ id }) => id);
  return {
    async read(ids: readonly string[]): Promise<readonly SagaEvidence[]> {
      return (await query<Row>(pool, readSagaEvidence, [ids])).map(toEvidence);
    },
    /** The sagas behind `after`, by order. */
    next: async (after: string, limit: number) => idsOf(await query(pool, nextSagas, [after, limit])),
    /** Those past their deadline for so long, the worst first. */
    overdue: async (forMs: number, limit: number) => idsOf(await query(pool, overdueSagas, [forMs, limit])),
    stock: (): Promise<readonly StockEvidence[]> => query<StockEvidence>(pool, readStockEvidence, []),
  };
}

function toEvidence({ saga, ...row }: Row): SagaEvidence {
  if (!saga) return { ...row, saga };
  const { order, ...known } = saga;
  return { ...row, saga: { ...known, lines: stockLinesOf(order), totalMinor: order.totalMinor } };
}
