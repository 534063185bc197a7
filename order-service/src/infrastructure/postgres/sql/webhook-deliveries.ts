import type { Statement } from '#shared/postgres/statement.ts';

/**
 * The webhooks that something waits for, found by jumping from one to the next in the index: ten thousand deliveries
 * that wait for one webhook cost as much as one.
 */
const waiting = `
    waiting AS (
      (SELECT webhook_id FROM webhook_deliveries WHERE status = 'pending' ORDER BY webhook_id LIMIT 1)
      UNION ALL
      SELECT (
        SELECT next.webhook_id FROM webhook_deliveries AS next
        WHERE next.status = 'pending' AND next.webhook_id > waiting.webhook_id
        ORDER BY next.webhook_id LIMIT 1
      )
      FROM waiting
      WHERE waiting.webhook_id IS NOT NULL
    )`;

/**
 * Leases deliveries that are due for $5 milliseconds, at most $4 of all and $3 of each webhook, less the $2 that are
 * under way with the webhooks $1; a webhook that has been failing gets one at a time. What another process is claiming
 * at this moment is passed over. The cause is that of the event; a test of the webhook has none. OFFSET holds PostgreSQL to the primary key of the webhooks, however few it has planned for.
 */
export const claimDeliveries: Statement = {
  name: 'claim-deliveries',
  text: `
    WITH RECURSIVE ${waiting}, due AS MATERIALIZED (
      SELECT delivery.id
      FROM waiting
      CROSS JOIN LATERAL (SELECT * FROM webhooks WHERE id = waiting.webhook_id OFFSET 0) AS webhook
      LEFT JOIN unnest($1::uuid[], $2::int[]) AS busy (webhook_id, places) ON busy.webhook_id = webhook.id
      CROSS JOIN LATERAL (
        SELECT id, next_attempt_at
        FROM webhook_deliveries
        WHERE webhook_id = webhook.id AND status = 'pending' AND next_attempt_at <= now()
        ORDER BY next_attempt_at
        LIMIT greatest(0, CASE WHEN webhook.failing_since IS NULL THEN $3::int ELSE 1 END - coalesce(busy.places, 0))
        FOR UPDATE SKIP LOCKED
      ) AS delivery
      WHERE webhook.status = 'enabled'
      ORDER BY delivery.next_attempt_at
      LIMIT $4
    )
    UPDATE webhook_deliveries AS delivery
    SET next_attempt_at = now() + $5 * interval '1 millisecond'
    FROM due, webhooks AS webhook
    WHERE delivery.id = due.id AND webhook.id = delivery.webhook_id
    RETURNING delivery.id, delivery.webhook_id, delivery.payload, delivery.attempts, delivery.next_attempt_at,
              webhook.url, webhook.secrets_replaced_at, delivery.order_id,
              (SELECT ARRAY[correlation_id, traceparent]
               FROM order_events
               WHERE order_id = delivery.order_id AND version = delivery.version) AS cause`,
};

/** For how many seconds the delivery that is most overdue has been so, of webhooks that take any; 0 without any. */
export const measureOverdueDeliveries: Statement = {
  name: 'overdue-deliveries',
  text: `
    WITH RECURSIVE ${waiting}
    SELECT coalesce(max(extract(epoch FROM now() - first.next_attempt_at)) FILTER (WHERE first.next_attempt_at < now()), 0)::float8
             AS "overdueSeconds"
    FROM waiting
    CROSS JOIN LATERAL (SELECT * FROM webhooks WHERE id = waiting.webhook_id OFFSET 0) AS webhook
    CROSS JOIN LATERAL (
      SELECT next_attempt_at FROM webhook_deliveries
      WHERE webhook_id = webhook.id AND status = 'pending'
      ORDER BY next_attempt_at LIMIT 1
    ) AS first
    WHERE webhook.status = 'enabled'`,
};

/**
 * Writes down the attempt $3 (JSON) at delivery $1, unless its lease $2 is not the present one any more. Its status is
 * $4 then, and it is due again in $5 milliseconds if that is pending; $8 attempts are kept. The webhook learns since when
 * it has been failing, or that it no longer is; it is written only where that changes. It is disabled when it is gone
 * ($6) or has been failing for $7 milliseconds: then the reason is the answer.
 */
export const recordAttempt: Statement = {
  name: 'record-attempt',
  text: `
    WITH recorded AS (
      UPDATE webhook_deliveries
      SET status = $4::webhook_delivery_status,
          attempts = attempts + 1,
          next_attempt_at = CASE $4 WHEN 'pending' THEN now() + $5 * interval '1 millisecond' END,
          finished_at = CASE WHEN $4 <> 'pending' THEN now() END,
          attempt_log = CASE WHEN jsonb_array_length(attempt_log) >= $8 THEN attempt_log - 0 ELSE attempt_log END || $3::jsonb
      WHERE id = $1 AND status = 'pending' AND next_attempt_at = $2
      RETURNING webhook_id
    ), verdict AS (
      SELECT webhook.id, $4 = 'delivered' AS is_well,
             CASE WHEN $6 THEN 'gone'
                  WHEN $4 <> 'delivered' AND webhook.failing_since <= now() - $7 * interval '1 millisecond' THEN 'failing'
             END AS reason
      FROM recorded JOIN webhooks AS webhook ON webhook.id = recorded.webhook_id
      WHERE webhook.status = 'enabled'
    )
    UPDATE webhooks AS webhook
    SET failing_since = CASE WHEN NOT verdict.is_well THEN coalesce(webhook.failing_since, now()) END,
        status = CASE WHEN verdict.reason IS NULL THEN webhook.status ELSE 'disabled' END,
        disabled_reason = verdict.reason,
        updated_at = CASE WHEN verdict.reason IS NULL THEN webhook.updated_at ELSE now() END
    FROM verdict
    WHERE webhook.id = verdict.id AND webhook.status = 'enabled'
      AND (verdict.reason IS NOT NULL OR verdict.is_well = (webhook.failing_since IS NOT NULL))
    RETURNING webhook.disabled_reason`,
};

/** Gives the claimed delivery $1 with the lease $2 back. */
export const releaseDelivery: Statement = {
  name: 'release-delivery',
  text: `
    UPDATE webhook_deliveries SET next_attempt_at = now()
    WHERE id = $1 AND status = 'pending' AND next_attempt_at = $2`,
};

/** Gives up at most $1 deliveries that wait for a webhook which is disabled or not there any more. */
export const giveUpDeliveries: Statement = {
  name: 'give-up-deliveries',
  text: `
    WITH RECURSIVE ${waiting}, vain AS MATERIALIZED (
      SELECT delivery.id
      FROM waiting
      CROSS JOIN LATERAL (
        SELECT id FROM webhook_deliveries
        WHERE webhook_id = waiting.webhook_id AND status = 'pending'
        LIMIT $1
        FOR UPDATE SKIP LOCKED
      ) AS delivery
      WHERE NOT EXISTS (SELECT FROM webhooks WHERE id = waiting.webhook_id AND status = 'enabled')
      LIMIT $1
    )
    UPDATE webhook_deliveries AS delivery
    SET status = 'failed', next_attempt_at = NULL, finished_at = now()
    FROM vain
    WHERE delivery.id = vain.id`,
};

/**
 * Deletes at most $2 that were finished more than $1 milliseconds ago, the oldest first. By an index of its own: what waits
 * for a receiver that has been away for days is older than most of them, and can be any number.
 */
export const deleteFinishedDeliveries: Statement = {
  name: 'delete-finished-deliveries',
  text: `
    WITH old AS MATERIALIZED (
      SELECT id FROM webhook_deliveries
      WHERE finished_at < now() - $1 * interval '1 millisecond'
      ORDER BY finished_at
      LIMIT $2
      FOR UPDATE SKIP LOCKED
    )
    DELETE FROM webhook_deliveries AS delivery USING old WHERE delivery.id = old.id`,
};
