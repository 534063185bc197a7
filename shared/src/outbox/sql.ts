import type { Statement } from '../postgres/statement.ts';

/**
 * The oldest messages that are due in the shards $1, at most $2. The partial index over unpublished rows keeps this
 * independent of history. A message whose publication failed holds back the later ones of its own order.
 */
export const claimMessages: Statement = {
  name: 'outbox-claim',
  text: `
    SELECT id, message_id, order_id, type, correlation_id, created_at, payload, attempts,
           coalesce(repeated_at, created_at) AS waiting_since
    FROM outbox AS message
    WHERE published_at IS NULL
      AND shard = ANY ($1::smallint[])
      AND (next_attempt_at IS NULL OR next_attempt_at <= now())
      AND NOT EXISTS (
        SELECT FROM outbox AS held
        WHERE held.order_id = message.order_id
          AND held.published_at IS NULL
          AND held.next_attempt_at > now()
          AND held.id < message.id
      )
    ORDER BY id
    LIMIT $2`,
};

/** Marks exactly the messages the broker confirmed. */
export const markPublished: Statement = {
  name: 'outbox-mark',
  text: `UPDATE outbox SET published_at = now(), next_attempt_at = NULL WHERE id = ANY ($1::bigint[])`,
};

/** Puts messages that the broker would not take off until later, each with its own delay in milliseconds. */
export const postponeMessages: Statement = {
  name: 'outbox-postpone',
  text: `
    UPDATE outbox
    SET attempts = outbox.attempts + 1,
        next_attempt_at = now() + failed.delay_ms * interval '1 millisecond',
        last_error = failed.error
    FROM unnest($1::bigint[], $2::float8[], $3::text[]) AS failed (id, delay_ms, error)
    WHERE outbox.id = failed.id`,
};

/** Takes messages about the orders $1 back that were published $2 milliseconds ago, or longer: they go out once more. */
export const repeatMessages: Statement = {
  name: 'outbox-repeat',
  text: `
    UPDATE outbox SET published_at = NULL, repeated_at = now()
    WHERE order_id = ANY ($1::uuid[]) AND published_at <= now() - $2 * interval '1 millisecond'`,
};

/** Of the first 10000 that wait: how many there are, and for how many seconds the oldest of them has waited. */
export const countBacklog: Statement = {
  name: 'outbox-backlog',
  text: `
    SELECT count(*)::int AS messages,
           coalesce(max(extract(epoch FROM now() - waiting_since)), 0)::float8 AS "oldestSeconds"
    FROM (
      SELECT coalesce(repeated_at, created_at) AS waiting_since
      FROM outbox WHERE published_at IS NULL ORDER BY id LIMIT 10000
    ) AS waiting`,
};

/**
 * Deletes from the old end, looking at no more than $2 rows: published ones that were written more than $1 milliseconds ago.
 * However late they were published, or again: what stays at the old end is looked at each time, and for nothing.
 */
export const deletePublished: Statement = {
  name: 'outbox-clean',
  text: `
    DELETE FROM outbox
    WHERE id IN (
      SELECT id FROM (SELECT id, created_at, published_at FROM outbox ORDER BY id LIMIT $2) AS oldest
      WHERE published_at IS NOT NULL AND created_at < now() - $1 * interval '1 millisecond'
    )`,
};

/** Announces this relay to the others for as long as its session lives. */
export const joinRelays: Statement = {
  name: 'outbox-join',
  text: `SELECT pg_advisory_lock_shared($1, $2)`,
};

/** How many relays there are. Advisory locks of two integers appear in pg_locks as classid and objid. */
export const countRelays: Statement = {
  name: 'outbox-count-relays',
  text: `
    SELECT count(*)::int AS relays
    FROM pg_locks
    WHERE locktype = 'advisory' AND granted AND classid = $1 AND objid = $2
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
};

/** Takes up to $3 of the shards $2 that nobody holds; the limit ends the attempts once there are enough. */
export const acquireShards: Statement = {
  name: 'outbox-acquire',
  text: `SELECT shard FROM unnest($2::int[]) AS shard WHERE pg_try_advisory_lock($1, shard) LIMIT $3`,
};

export const releaseShards: Statement = {
  name: 'outbox-release',
  text: `SELECT pg_advisory_unlock($1, shard) FROM unnest($2::int[]) AS shard`,
};
