import type { Statement } from '#shared/postgres/statement.ts';

/** The actions $1 ended as $2, because of $3. */
export const failActions: Statement = {
  name: 'fail-actions',
  text: `
    UPDATE operator_actions
    SET outcome = $2, error = $3
    WHERE id = ANY ($1::bigint[]) AND outcome = 'intended'`,
};
