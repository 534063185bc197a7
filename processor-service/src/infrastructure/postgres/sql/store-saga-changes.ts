import type { Statement } from '#shared/postgres/statement.ts';
import { sagaColumns } from './saga-columns.ts';

/**
 * Stores a set of steps in one round trip: new sagas $1, changed sagas $2, stock $3, reservations $4 and outbox $5 as
 * JSON arrays of rows. Two transactions that begin the same saga collide on its primary key: the second one fails with
 * a unique violation, runs again and finds the saga there.
 */
export const storeSagaChanges: Statement = {
  name: 'store-saga-changes',
  text: `
    WITH new_sagas AS (
      INSERT INTO sagas (${sagaColumns})
      SELECT ${sagaColumns}
      FROM json_populate_recordset(NULL::sagas, $1)
    ), changed_sagas AS (
      UPDATE sagas
      SET state = changed.state,
          run = changed.run,
          replays = changed.replays,
          payment_id = changed.payment_id,
          failure = changed.failure,
          payment_requested = changed.payment_requested,
          cancel_requested = changed.cancel_requested,
          refunds = changed.refunds,
          attempts = changed.attempts,
          trouble = changed.trouble,
          event_sequence = changed.event_sequence,
          updated_at = changed.updated_at,
          deadline_at = changed.deadline_at
      FROM json_populate_recordset(NULL::sagas, $2) AS changed
      WHERE sagas.order_id = changed.order_id
    ), moved_stock AS (
      UPDATE stock
      SET on_hand = moved.on_hand,
          reserved = moved.reserved,
          shipped = moved.shipped,
          updated_at = moved.updated_at
      FROM json_populate_recordset(NULL::stock, $3) AS moved
      WHERE stock.sku = moved.sku
    ), changed_reservations AS (
      INSERT INTO reservations (order_id, sku, quantity, state, updated_at)
      SELECT order_id, sku, quantity, state, updated_at
      FROM json_populate_recordset(NULL::reservations, $4)
      ON CONFLICT (order_id, sku) DO UPDATE SET state = excluded.state, updated_at = excluded.updated_at
    )
    INSERT INTO outbox (message_id, order_id, shard, type, sequence, correlation_id, payload, created_at)
    SELECT message_id, order_id, shard, type, sequence, correlation_id, payload, created_at
    FROM json_populate_recordset(NULL::outbox, $5)`,
};
