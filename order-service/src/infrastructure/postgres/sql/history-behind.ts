import type { Statement } from '#shared/postgres/statement.ts';

/**
 * Events behind version $2[i] of order $1[i], and what the order has come to, for all that are watched at once. Orders
 * without either, which are most of them, make no row.
 */
export const historyBehind: Statement = {
  name: 'history-behind',
  text: `
    SELECT asked.place::int - 1 AS place, orders.status, orders.failure, orders.cancellation, orders.refunds,
           event.version, event.type, event.data, event.actor, event.correlation_id AS "correlationId",
           event.traceparent, event.occurred_at AS "occurredAt"
    FROM unnest($1::uuid[], $2::int[]) WITH ORDINALITY AS asked (order_id, after, place)
    JOIN orders ON orders.id = asked.order_id
    LEFT JOIN order_events event ON event.order_id = asked.order_id AND event.version > asked.after
    WHERE event.version IS NOT NULL OR orders.status IN ('failed', 'cancelled', 'refunded')
    ORDER BY asked.place, event.version`,
};
