/**
 * Part of every statement that writes history, so that an event and its deliveries are durable together: one delivery
 * for each event among the rows `history` and each webhook that listens to it. While nobody has subscribed, the condition
 * that stands alone is all that is evaluated. The ids are UUIDs of version 7 whose time is followed by the version of
 * the order, so that they sort as things happened. OFFSET keeps PostgreSQL from turning the join round: a plan made while
 * there are few webhooks stays, and would go through all of them later. The owner of a webhook hears of his own orders; an empty customer
 * stands for everybody.
 *
 * @param history rows as `toEventRow` makes them
 */
export const newDeliveries = (history: string): string => `
    new_deliveries AS (
      INSERT INTO webhook_deliveries (id, webhook_id, order_id, version, type, payload, next_attempt_at)
      SELECT overlay(overlay(gen_random_uuid()::text
                       PLACING '7' || lpad(to_hex(event.version & 4095), 3, '0') FROM 15)
               PLACING left(moment.hex, 8) || '-' || right(moment.hex, 4) FROM 1)::uuid,
             webhook.id, event.order_id, event.version, event.webhook_type, row_to_json(message)::text, now()
      FROM (SELECT lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000)::bigint), 12, '0') AS hex) AS moment,
           ${history} AS event,
           LATERAL (SELECT id
                    FROM webhooks
                    WHERE status = 'enabled' AND customer_id IN (event.customer_id, '')
                      AND (event_types = '{}' OR event.webhook_type = ANY (event_types))
                    OFFSET 0) AS webhook,
           LATERAL (SELECT event.order_id AS "orderId", event.customer_id AS "customerId", event.status, event.version,
                           event.data AS details) AS facts,
           LATERAL (SELECT event.webhook_type AS type, event.occurred_at AS timestamp, facts AS data) AS message
      WHERE EXISTS (SELECT FROM webhooks WHERE status = 'enabled')
    )`;

/** The rows of history in the parameter, as far as others are told of them. */
export const historyToTell = (parameter: string, condition = ''): string => `(
             SELECT *
             FROM json_to_recordset(${parameter}) AS row (order_id uuid, version int, customer_id text, status text, data json,
                                                webhook_type text, occurred_at text) ${condition}
           )`;
