import { outboxEvidence } from '#shared/outbox/audit-sql.ts';
import type { Statement } from '#shared/postgres/statement.ts';
import { openOrders } from './open-orders.ts';

const milliseconds = (column: string): string => `(extract(epoch FROM ${column}) * 1000)::float8`;

/** Everything about the orders $1, each as of the same moment: what one transaction writes is seen whole. */
export const readOrderEvidence: Statement = {
  name: 'audit-orders',
  text: `
    SELECT wanted.id,
           (SELECT json_build_object(
              'customerId', customer_id, 'status', status, 'currency', currency, 'totalMinor', total_minor,
              'failure', failure, 'payment', payment, 'paymentRequested', payment_requested, 'paidMinor', paid_minor,
              'refunds', refunds, 'cancellation', cancellation, 'version', version,
              'processingSequence', processing_sequence, 'eventSequence', event_sequence,
              'updatedAt', ${milliseconds('updated_at')})
            FROM orders WHERE id = wanted.id) AS "order",
           (SELECT coalesce(json_agg(json_build_object('sku', sku, 'quantity', quantity)), '[]')
            FROM (SELECT sku, sum(quantity) AS quantity FROM order_items WHERE order_id = wanted.id GROUP BY sku) AS line
           ) AS lines,
           (SELECT coalesce(json_agg(json_build_object(
              'version', version, 'type', type, 'refundId', data ->> 'refundId',
              'occurredAt', ${milliseconds('occurred_at')}) ORDER BY version), '[]')
            FROM order_events WHERE order_id = wanted.id) AS history,
           (SELECT coalesce(json_agg(json_build_object(
              'messageId', message_id, 'type', type, 'sequence', sequence, 'outcome', outcome,
              'receivedAt', ${milliseconds('received_at')}) ORDER BY sequence), '[]')
            FROM inbox WHERE order_id = wanted.id) AS inbox,
           (SELECT coalesce(json_agg(message_id), '[]')
            FROM operator_actions WHERE order_id = wanted.id) AS "operatorActions",
           (${outboxEvidence('wanted.id')}) AS announced
    FROM unnest($1::uuid[]) AS wanted (id)`,
};

/** The next $2 orders behind $1, by id. */
export const nextOrders: Statement = {
  name: 'audit-next-orders',
  text: 'SELECT id FROM orders WHERE id > $1 ORDER BY id LIMIT $2',
};

/** The next $2 orders behind $1 that have not ended and were placed before $3, by id. */
export const nextOpenOrders: Statement = {
  name: 'audit-next-open-orders',
  text: `${openOrders} ORDER BY id LIMIT $2`,
};
