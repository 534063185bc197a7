import type { Statement } from '#shared/postgres/statement.ts';

/**
 * The next $2 orders behind $1 that wait for the processor-service and were placed before $3, by id; due is one that has
 * not changed for $4 milliseconds, about which the broker has known everything for as long, and which was not asked about
 * for as long as it had been waiting then. Ids are compared as rows, so that only the index by status and id will do: by
 * its statistics, PostgreSQL would rather look among all orders. The second part has an index of its own.
 */
export const nextAwaitedOrders: Statement = {
  name: 'awaited-orders',
  text: `
    WITH open AS (
      SELECT found.id
      FROM unnest('{pending,reserved,paid}'::order_status[]) AS unfinished (status),
           LATERAL (
             SELECT id FROM orders
             WHERE (status, id) > (unfinished.status, $1) AND (status, id) < (unfinished.status, $3)
             ORDER BY status, id LIMIT $2
           ) AS found
      UNION
      (SELECT id FROM orders
       WHERE (cancellation ->> 'status' = 'requested' OR refunds @> '[{"status": "requested"}]')
         AND id > $1 AND id < $3
       ORDER BY id LIMIT $2)
      ORDER BY id
      LIMIT $2
    )
    SELECT orders.id, status,
           coalesce(
             NOT (status = 'reserved' AND payment = 'manual' AND NOT payment_requested
                  AND coalesce(cancellation ->> 'status', '') <> 'requested')
             AND is_said
             AND greatest(said_at, known_at) + $4 * interval '1 millisecond' < now()
             AND said_at + (said_at - updated_at) < now(),
             false) AS "isDue"
    FROM open
    JOIN orders USING (id),
         LATERAL (
           SELECT bool_and(published_at IS NOT NULL) AS is_said,
                  max(published_at) AS known_at,
                  greatest(orders.updated_at, max(coalesce(repeated_at, created_at))) AS said_at
           FROM outbox WHERE order_id = orders.id
         ) AS announced
    ORDER BY orders.id`,
};
