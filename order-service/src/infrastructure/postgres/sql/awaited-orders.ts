import type { Statement } from '#shared/postgres/statement.ts';
import { openOrders } from './open-orders.ts';

/**
 * The next $2 orders behind $1 that wait for the processor-service and were placed before $3, by id; due is one that has
 * not changed for $4 milliseconds, about which the broker has known everything for as long, and which was not asked about
 * for as long as it had been waiting then. Open wishes have an index of their own.
 */
export const nextAwaitedOrders: Statement = {
  name: 'awaited-orders',
  text: `
    WITH open AS (
      ${openOrders}
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
