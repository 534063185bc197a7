/** The columns of a saga, in the order in which they are read and written. */
export const sagaColumns = `order_id, state, run, replays, "order", message_id, correlation_id, traceparent, payment_id, failure,
           payment_requested, cancel_requested, refunds, attempts, trouble,
           event_sequence, started_at, updated_at, deadline_at`;
