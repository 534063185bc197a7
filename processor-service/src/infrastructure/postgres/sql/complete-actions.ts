import type { Statement } from '#shared/postgres/statement.ts';

/**
 * The actions $1 are done: marked, counted by their runs and announced by the outbox rows $2 in one commit. One that
 * was done already is left out of all three, so that a repetition after a crash tells nobody twice.
 */
export const completeActions: Statement = {
  name: 'complete-actions',
  text: `
    WITH done AS (
      UPDATE operator_actions
      SET outcome = 'done', error = NULL
      WHERE id = ANY ($1::bigint[]) AND outcome = 'intended'
      RETURNING id, action, replay_run_id
    ), counted AS (
      UPDATE replay_runs
      SET replayed = replayed + counts.done
      FROM (SELECT replay_run_id, count(*)::int AS done FROM done WHERE action = 'replay' GROUP BY replay_run_id) AS counts
      WHERE replay_runs.id = counts.replay_run_id
    )
    INSERT INTO outbox (message_id, order_id, shard, type, sequence, correlation_id, payload, created_at)
    SELECT message_id, order_id, shard, type, sequence, correlation_id, payload, created_at
    FROM json_populate_recordset(NULL::outbox, $2)
    WHERE sequence IN (SELECT id FROM done)`,
};
