import type { Statement } from '#shared/postgres/statement.ts';

/** Up to $3 sagas whose deadline is before $1; it becomes $2, so that other watchdogs pass them by. */
export const takeOverdueSagas: Statement = {
  name: 'take-overdue-sagas',
  text: `
    UPDATE sagas
    SET deadline_at = $2
    WHERE order_id IN (
      SELECT order_id FROM sagas WHERE deadline_at < $1 ORDER BY deadline_at LIMIT $3 FOR UPDATE SKIP LOCKED
    )
    RETURNING order_id, state, run, "order", message_id, correlation_id, traceparent, payment_id, failure,
              event_sequence, started_at, updated_at, deadline_at`,
};
