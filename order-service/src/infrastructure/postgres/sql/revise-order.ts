import type { Statement } from '#shared/postgres/statement.ts';
import { historyToTell, newDeliveries } from './new-deliveries.ts';

/**
 * Stores the order $1 with its new history $2, its outbox rows $3 and its idempotency keys $5 (JSON), provided that it
 * still has version $4; answers with a row if it had, and fails when a key is taken. Deciding needs no lock then, and no transaction stays open meanwhile. The columns by
 * which the processor is followed are not touched: they change without a new version.
 */
export const reviseOrder: Statement = {
  name: 'revise-order',
  text: `
    WITH revised AS (
      UPDATE orders
      SET status = changed.status,
          payment_requested = changed.payment_requested,
          refunds = changed.refunds,
          cancellation = changed.cancellation,
          version = changed.version,
          event_sequence = changed.event_sequence,
          updated_at = changed.updated_at
      FROM json_populate_record(NULL::orders, $1) AS changed
      WHERE orders.id = changed.id AND orders.version = $4
      RETURNING orders.id
    ), new_events AS (
      INSERT INTO order_events (order_id, version, type, data, actor, correlation_id, traceparent, occurred_at)
      SELECT order_id, version, type, data, actor, correlation_id, traceparent, occurred_at
      FROM json_populate_recordset(NULL::order_events, $2)
      WHERE EXISTS (SELECT FROM revised)
    ), ${newDeliveries(historyToTell('$2', 'WHERE EXISTS (SELECT FROM revised)'))}, new_messages AS (
      INSERT INTO outbox (message_id, order_id, shard, type, sequence, correlation_id, payload, created_at)
      SELECT message_id, order_id, shard, type, sequence, correlation_id, payload, created_at
      FROM json_populate_recordset(NULL::outbox, $3)
      WHERE EXISTS (SELECT FROM revised)
    ), new_keys AS (
      INSERT INTO idempotency_keys
      SELECT * FROM json_populate_recordset(NULL::idempotency_keys, $5)
      WHERE EXISTS (SELECT FROM revised)
    )
    SELECT id FROM revised`,
};
