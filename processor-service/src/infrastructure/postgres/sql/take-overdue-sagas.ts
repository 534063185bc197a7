import type { Statement } from '#shared/postgres/statement.ts';
import { sagaColumns } from './saga-columns.ts';

/** Up to $3 sagas whose deadline is before $1; it becomes $2, so that other watchdogs pass them by. */
export const takeOverdueSagas: Statement = {
  name: 'take-overdue-sagas',
  text: `
    UPDATE sagas
    SET deadline_at = $2
    WHERE order_id IN (
      SELECT order_id FROM sagas WHERE deadline_at < $1 ORDER BY deadline_at LIMIT $3 FOR UPDATE SKIP LOCKED
    )
    RETURNING ${sagaColumns}`,
};
