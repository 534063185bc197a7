import type { Statement } from '#shared/postgres/statement.ts';

/** Operator $1 resumed the saga of order $2 because of $3, at $4. Its number is the sequence of its announcement. */
export const recordResumption: Statement = {
  name: 'record-resumption',
  text: `
    INSERT INTO operator_actions (action, outcome, operator, order_id, reason, at)
    VALUES ('resume', 'done', $1, $2, $3, $4)
    RETURNING id`,
};
