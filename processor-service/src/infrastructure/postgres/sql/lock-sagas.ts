import type { Statement } from '#shared/postgres/statement.ts';

/** Locks the sagas of the orders $1, always in the order of their ids; before any stock. */
export const lockSagas: Statement = {
  name: 'lock-sagas',
  text: `
    SELECT order_id, state, run, "order", message_id, correlation_id, traceparent, payment_id, failure,
           event_sequence, started_at, updated_at, deadline_at
    FROM sagas
    WHERE order_id = ANY ($1::uuid[])
    ORDER BY order_id
    FOR NO KEY UPDATE`,
};
