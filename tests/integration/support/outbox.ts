import type { ClientBase, Pool } from 'pg';
import { type OutboxRow, toOutboxRow } from '#shared/outbox/outbox-message.ts';
import { orderCreated } from './messages.ts';

/** The outbox rows that announce things about one order, numbered from `from`. */
export function announcementsOf(orderId: string, count: number, from = 1): OutboxRow[] {
  return Array.from({ length: count }, (_, index) =>
    toOutboxRow(orderCreated({ orderId, sequence: from + index })),
  );
}

/** An announcement of a kind that no queue is bound for, until a test binds one for `order.unheard`. */
export function unroutable(row: OutboxRow): OutboxRow {
  return { ...row, type: 'order.unheard.v1' };
}

export const unroutableKey = 'order.unheard';

/** Inserts rows the way services do: ids in the order of the rows. */
export async function insertIntoOutbox(
  executor: Pool | ClientBase,
  rows: readonly OutboxRow[],
): Promise<void> {
  await executor.query(
    `INSERT INTO outbox (message_id, order_id, shard, type, sequence, correlation_id, payload, created_at)
     SELECT message_id, order_id, shard, type, sequence, correlation_id, payload, created_at
     FROM json_populate_recordset(NULL::outbox, $1)`,
    [JSON.stringify(rows)],
  );
}

/** What the outbox remembers about the publication of a message. */
export interface Publication {
  readonly published_at: Date | null;
  readonly attempts: number;
  readonly next_attempt_at: Date | null;
  readonly last_error: string | null;
}

export async function publicationOf(pool: Pool, messageId: string): Promise<Publication> {
  const { rows } = await pool.query<Publication>(
    'SELECT published_at, attempts, next_attempt_at, last_error FROM outbox WHERE message_id = $1',
    [messageId],
  );
  if (!rows[0]) throw new Error(`the outbox has no message ${messageId}`);
  return rows[0];
}

export async function countUnpublished(pool: Pool): Promise<number> {
  const { rows } = await pool.query<{ count: number }>(
    'SELECT count(*)::int AS count FROM outbox WHERE published_at IS NULL',
  );
  return rows[0]?.count ?? 0;
}
