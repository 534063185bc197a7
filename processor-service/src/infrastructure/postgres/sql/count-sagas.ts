import type { Statement } from '#shared/postgres/statement.ts';

/**
 * How the sagas under way stand, each count up to 10000. Two partial indexes hold only what is under way or in need, so
 * that the sagas that have ended cost nothing.
 */
export const countSagas: Statement = {
  name: 'count-sagas',
  text: `
    WITH under_way AS MATERIALIZED (
      SELECT state FROM sagas WHERE deadline_at IS NOT NULL LIMIT 10000
    )
    SELECT (
             SELECT coalesce(json_object_agg(state, sagas), '{}')
             FROM (SELECT state, count(*) AS sagas FROM under_way GROUP BY state) AS by_state
           ) AS "underWay",
           (
             SELECT count(*)::int
             FROM (
               SELECT FROM sagas
               WHERE state = 'needs_attention' OR refunds @> '[{"state": "needs_attention"}]'
               LIMIT 10000
             ) AS in_need
           ) AS "inNeed",
           (
             SELECT count(*)::int FROM (SELECT FROM sagas WHERE deadline_at < now() LIMIT 10000) AS overdue
           ) AS overdue,
           coalesce((
             SELECT extract(epoch FROM now() - min(deadline_at))::float8 FROM sagas WHERE deadline_at < now()
           ), 0) AS "overdueSeconds"`,
};
