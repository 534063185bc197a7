import type { Statement } from '#shared/postgres/statement.ts';

/** Lets the owner $1 make one webhook at a time, so that counting them first is enough. */
export const lockOwner: Statement = {
  name: 'lock-webhook-owner',
  text: `SELECT pg_advisory_xact_lock(hashtextextended('webhooks of ' || $1, 0))`,
};

export const countWebhooks: Statement = {
  name: 'count-webhooks',
  text: `SELECT count(*)::int AS webhooks FROM webhooks WHERE owner = $1`,
};

/** A new one: id, owner, customer, URL, event types, description and time. */
export const insertWebhook: Statement = {
  name: 'insert-webhook',
  text: `
    INSERT INTO webhooks (id, owner, customer_id, url, event_types, description, created_at, updated_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $7)`,
};
