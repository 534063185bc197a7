import type { Statement } from '#shared/postgres/statement.ts';

/**
 * Writes the actions $1, a JSON array of rows, down as intended. Where the same was intended or done before, the
 * update changes nothing: it is there because only rows that were written are returned.
 */
export const intendActions: Statement = {
  name: 'intend-actions',
  text: `
    INSERT INTO operator_actions (action, operator, outcome, reason, queue, message_id, replay_count, letter_failed_at,
                                  letter_digest, order_id, type, error_code, fingerprint, replay_run_id, replaced_by, original, at)
    SELECT action, operator, 'intended', reason, queue, message_id, replay_count, letter_failed_at,
           letter_digest, order_id, type, error_code, fingerprint, replay_run_id, replaced_by, original, at
    FROM json_populate_recordset(NULL::operator_actions, $1)
    ON CONFLICT (message_id, queue, replay_count, letter_failed_at, letter_digest, action, replaced_by)
      WHERE outcome <> 'failed' AND message_id IS NOT NULL
      DO UPDATE SET outcome = operator_actions.outcome
    RETURNING *`,
};
