import type { Statement } from '#shared/postgres/statement.ts';
import { historyToTell, newDeliveries } from './new-deliveries.ts';

/** Which rows of a set go in, by the column that has the order's id. */
type Condition = (orderId: string) => string;

const rows = (condition: Condition) => `
    new_orders AS (
      INSERT INTO orders (id, customer_id, status, currency, total_minor, description, metadata, payment, version,
                          event_sequence, created_at, updated_at)
      SELECT id, customer_id, status, currency, total_minor, description, metadata, payment, version,
             event_sequence, created_at, updated_at
      FROM json_populate_recordset(NULL::orders, $1) ${condition('id')}
    ), new_items AS (
      INSERT INTO order_items (order_id, position, sku, quantity, unit_price_minor)
      SELECT order_id, position, sku, quantity, unit_price_minor
      FROM json_populate_recordset(NULL::order_items, $2) ${condition('order_id')}
    ), new_events AS (
      INSERT INTO order_events (order_id, version, type, data, actor, correlation_id, traceparent, occurred_at)
      SELECT order_id, version, type, data, actor, correlation_id, traceparent, occurred_at
      FROM json_populate_recordset(NULL::order_events, $3) ${condition('order_id')}
    ), ${newDeliveries(historyToTell('$3', condition('order_id')))}`;

const messages = (condition: Condition) => `
      INSERT INTO outbox (message_id, order_id, shard, type, sequence, correlation_id, payload, created_at)
      SELECT message_id, order_id, shard, type, sequence, correlation_id, payload, created_at
      FROM json_populate_recordset(NULL::outbox, $4) ${condition('order_id')}`;

const all: Condition = () => '';
const unlessRefused: Condition = (orderId) => `WHERE ${orderId} NOT IN (SELECT order_id FROM refused)`;

/**
 * Accepts a set of orders in one round trip and one commit: orders $1, items $2, history $3 and outbox $4 as JSON
 * arrays of rows. One statement is its own transaction; several requests that arrive together share it.
 */
export const insertOrders: Statement = {
  name: 'insert-orders',
  text: `
    WITH ${rows(all)}
    ${messages(all)}`,
};

/**
 * The same for a set some of whose orders have idempotency keys: $5, with the order's id. Orders whose key is taken are
 * left out, and their ids are the answer. Keys are written in their own order, so that two sets that share some do not
 * wait for each other in a circle.
 */
export const insertOrdersWithKeys: Statement = {
  name: 'insert-orders-with-keys',
  text: `
    WITH given AS MATERIALIZED (
      SELECT *
      FROM json_to_recordset($5) AS row (order_id uuid, caller text, operation text, key text, fingerprint text,
                                         outcome json, created_at timestamptz, expires_at timestamptz)
    ), new_keys AS (
      INSERT INTO idempotency_keys AS known (caller, operation, key, fingerprint, outcome, created_at, expires_at)
      SELECT caller, operation, key, fingerprint, outcome, created_at, expires_at
      FROM given
      ORDER BY caller, operation, key
      ON CONFLICT (caller, operation, key) DO UPDATE
        SET fingerprint = excluded.fingerprint, outcome = excluded.outcome,
            created_at = excluded.created_at, expires_at = excluded.expires_at
        WHERE known.expires_at <= excluded.created_at
      RETURNING caller, operation, key
    ), refused AS MATERIALIZED (
      SELECT order_id FROM given WHERE (caller, operation, key) NOT IN (SELECT caller, operation, key FROM new_keys)
    ), ${rows(unlessRefused)}, new_messages AS (${messages(unlessRefused)}
    )
    SELECT order_id FROM refused`,
};
