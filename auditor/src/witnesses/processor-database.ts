import type { Pool } from 'pg';
import type { StockEvidence } from '#processor-service/application/ports/saga-evidence.ts';
import { createSagaAudit } from '#processor-service/infrastructure/postgres/saga-audit.ts';
import { query, type Statement } from '#shared/postgres/statement.ts';
import { createPublications } from './publications.ts';

/** Stock of a SKU, and what all reservations add up to. */
export interface WholeStockEvidence extends StockEvidence {
  readonly gone: number;
}

/** Reads every reservation there is, in one pass and as of one moment. */
const readWholeStock: Statement = {
  name: 'audit-whole-stock',
  text: `
    SELECT sku AS id, sum(on_hand)::int AS "onHand", sum(reserved)::int AS reserved, sum(shipped)::int AS shipped,
           sum(received)::int AS received, sum(held)::int AS held, sum(gone)::int AS gone
    FROM (
      SELECT sku, on_hand, reserved, shipped, received, 0 AS held, 0 AS gone FROM stock
      UNION ALL
      SELECT sku, 0, 0, 0, 0,
             CASE state WHEN 'open' THEN quantity ELSE 0 END, CASE state WHEN 'shipped' THEN quantity ELSE 0 END
      FROM reservations
    ) AS pieces
    GROUP BY sku`,
};

const readEdits: Statement = {
  name: 'audit-edits',
  text: `
    SELECT order_id AS "orderId", replaced_by AS "messageId"
    FROM operator_actions WHERE replaced_by IS NOT NULL`,
};

export type ProcessorDatabase = ReturnType<typeof createProcessorDatabase>;

/** processor_db as a witness. */
export function createProcessorDatabase(pool: Pool) {
  return {
    ...createSagaAudit({ pool }),
    ...createPublications(pool),
    wholeStock: () => query<WholeStockEvidence>(pool, readWholeStock, []),
    /** Messages by which operators replaced others; as many as operators have edited by hand. */
    edits: () => query<{ orderId: string | null; messageId: string }>(pool, readEdits, []),
  };
}
