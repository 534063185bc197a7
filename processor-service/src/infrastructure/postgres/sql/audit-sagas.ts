import { outboxEvidence } from '#shared/outbox/audit-sql.ts';
import type { Statement } from '#shared/postgres/statement.ts';

const milliseconds = (column: string): string => `(extract(epoch FROM ${column}) * 1000)::float8`;

/** Everything about the sagas of the orders $1, each as of the same moment: what one transaction writes is seen whole. */
export const readSagaEvidence: Statement = {
  name: 'audit-sagas',
  text: `
    SELECT wanted.id,
           (SELECT json_build_object(
              'state', state, 'run', run, 'order', "order", 'paymentId', payment_id, 'failure', failure,
              'trouble', trouble, 'cancelRequested', cancel_requested, 'refunds', refunds,
              'eventSequence', event_sequence, 'startedAt', ${milliseconds('started_at')},
              'updatedAt', ${milliseconds('updated_at')}, 'deadlineAt', ${milliseconds('deadline_at')})
            FROM sagas WHERE order_id = wanted.id) AS saga,
           (SELECT coalesce(json_agg(json_build_object('sku', sku, 'quantity', quantity, 'state', state)), '[]')
            FROM reservations WHERE order_id = wanted.id) AS reservations,
           (${outboxEvidence('wanted.id')}) AS announced
    FROM unnest($1::uuid[]) AS wanted (id)`,
};

/** The next $2 sagas behind $1, by order. */
export const nextSagas: Statement = {
  name: 'audit-next-sagas',
  text: 'SELECT order_id AS id FROM sagas WHERE order_id > $1 ORDER BY order_id LIMIT $2',
};

/** The $2 sagas that are past their deadline for longest, of those that are so for $1 milliseconds. */
export const overdueSagas: Statement = {
  name: 'audit-overdue-sagas',
  text: `
    SELECT order_id AS id FROM sagas
    WHERE deadline_at < now() - $1 * interval '1 millisecond'
    ORDER BY deadline_at
    LIMIT $2`,
};

/**
 * Stock with what the reservations of sagas under way add up to, as of one moment. Sagas under way have a deadline or
 * wait for an operator, and there is an index for either: the cost does not grow with history.
 */
export const readStockEvidence: Statement = {
  name: 'audit-stock',
  text: `
    WITH under_way AS (
      SELECT order_id FROM sagas WHERE deadline_at IS NOT NULL
      UNION
      SELECT order_id FROM sagas
      WHERE state = 'needs_attention' OR refunds @> '[{"state": "needs_attention"}]'
    ), held AS (
      SELECT sku, sum(quantity) AS quantity
      FROM under_way JOIN reservations USING (order_id)
      WHERE reservations.state = 'open'
      GROUP BY sku
    )
    SELECT stock.sku AS id, on_hand AS "onHand", reserved, shipped, received,
           coalesce((SELECT quantity FROM held WHERE held.sku = stock.sku), 0)::int AS held
    FROM stock`,
};
