import type { Statement } from '#shared/postgres/statement.ts';
import { historyToTell, newDeliveries } from './new-deliveries.ts';

/**
 * Stores what happened to a set of locked orders in one round trip: the orders $1, their new history $2 and the inbox
 * $3 as JSON arrays of rows. A message that came twice keeps its first record.
 */
export const storeChanges: Statement = {
  name: 'store-changes',
  text: `
    WITH new_events AS (
      INSERT INTO order_events (order_id, version, type, data, actor, correlation_id, traceparent, occurred_at)
      SELECT order_id, version, type, data, actor, correlation_id, traceparent, occurred_at
      FROM json_populate_recordset(NULL::order_events, $2)
    ), ${newDeliveries(historyToTell('$2'))}, new_messages AS (
      INSERT INTO inbox (message_id, order_id, type, sequence, outcome, received_at)
      SELECT message_id, order_id, type, sequence, outcome, received_at
      FROM json_populate_recordset(NULL::inbox, $3)
      ON CONFLICT (message_id) DO NOTHING
    )
    UPDATE orders
    SET status = changed.status,
        failure = changed.failure,
        paid_minor = changed.paid_minor,
        refunds = changed.refunds,
        cancellation = changed.cancellation,
        version = changed.version,
        processing_run = changed.processing_run,
        processing_sequence = changed.processing_sequence,
        updated_at = changed.updated_at
    FROM json_populate_recordset(NULL::orders, $1) AS changed
    WHERE orders.id = changed.id`,
};
