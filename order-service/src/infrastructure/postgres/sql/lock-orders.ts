import type { Statement } from '#shared/postgres/statement.ts';

/** Locks the orders $1, always in the order of their ids, so that two sets cannot wait for each other in a circle. */
export const lockOrders: Statement = {
  name: 'lock-orders',
  text: `
    SELECT id, customer_id, status, currency, total_minor, description, metadata, failure, payment, payment_requested,
           paid_minor, refunds, cancellation, version, processing_run, processing_sequence, event_sequence, created_at, updated_at
    FROM orders
    WHERE id = ANY ($1::uuid[])
    ORDER BY id
    FOR NO KEY UPDATE`,
};
