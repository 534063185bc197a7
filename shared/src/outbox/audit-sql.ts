import type { Statement } from '../postgres/statement.ts';

/** A subquery: the outbox rows about one order, as a JSON array by sequence. */
export function outboxEvidence(orderId: string): string {
  return `
    SELECT coalesce(json_agg(json_build_object(
      'messageId', message_id, 'type', type, 'sequence', sequence, 'payload', payload,
      'createdAt', (extract(epoch FROM created_at) * 1000)::float8,
      'publishedAt', (extract(epoch FROM published_at) * 1000)::float8) ORDER BY sequence, id), '[]')
    FROM outbox WHERE order_id = ${orderId}`;
}

/** The next $2 rows behind $1, in the order in which they were inserted. */
export const nextAnnouncements: Statement = {
  name: 'audit-next-announcements',
  text: `
    SELECT id, order_id AS "orderId", (extract(epoch FROM created_at) * 1000)::float8 AS "createdAt"
    FROM outbox WHERE id > $1 ORDER BY id LIMIT $2`,
};

/** The oldest $2 messages that wait, of those that have been waiting for $1 milliseconds. */
export const waitingMessages: Statement = {
  name: 'audit-waiting-messages',
  text: `
    SELECT id, order_id AS "orderId", type
    FROM outbox
    WHERE published_at IS NULL AND coalesce(repeated_at, created_at) < now() - $1 * interval '1 millisecond'
    ORDER BY id
    LIMIT $2`,
};
