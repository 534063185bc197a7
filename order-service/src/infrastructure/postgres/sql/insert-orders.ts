import type { Statement } from '#shared/postgres/statement.ts';

/**
 * Accepts a set of orders in one round trip and one commit: orders $1, items $2, history $3 and outbox $4 as JSON
 * arrays of rows. One statement is its own transaction; several requests that arrive together share it.
 */
export const insertOrders: Statement = {
  name: 'insert-orders',
  text: `
    WITH new_orders AS (
      INSERT INTO orders (id, customer_id, status, currency, total_minor, description, metadata, payment, version,
                          event_sequence, created_at, updated_at)
      SELECT id, customer_id, status, currency, total_minor, description, metadata, payment, version,
             event_sequence, created_at, updated_at
      FROM json_populate_recordset(NULL::orders, $1)
    ), new_items AS (
      INSERT INTO order_items (order_id, position, sku, quantity, unit_price_minor)
      SELECT order_id, position, sku, quantity, unit_price_minor
      FROM json_populate_recordset(NULL::order_items, $2)
    ), new_events AS (
      INSERT INTO order_events (order_id, version, type, data, actor, correlation_id, traceparent, occurred_at)
      SELECT order_id, version, type, data, actor, correlation_id, traceparent, occurred_at
      FROM json_populate_recordset(NULL::order_events, $3)
    )
    INSERT INTO outbox (message_id, order_id, shard, type, sequence, correlation_id, payload, created_at)
    SELECT message_id, order_id, shard, type, sequence, correlation_id, payload, created_at
    FROM json_populate_recordset(NULL::outbox, $4)`,
};
