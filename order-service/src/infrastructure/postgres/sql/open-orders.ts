/**
 * A query for the next $2 orders of each unfinished status behind the id $1, of those placed before the id $3. Compared as
 * rows, so that only the index by status and id will do: by its statistics, PostgreSQL would rather look for the few among all orders.
 */
export const openOrders = `
  SELECT candidate.id
  FROM unnest('{pending,reserved,paid}'::order_status[]) AS open (status),
       LATERAL (
         SELECT id FROM orders
         WHERE (status, id) > (open.status, $1) AND (status, id) < (open.status, $3)
         ORDER BY status, id LIMIT $2
       ) AS candidate`;
