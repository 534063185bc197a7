import type { Statement } from '#shared/postgres/statement.ts';
import { sagaColumns } from './saga-columns.ts';

/** Locks the sagas of the orders $1, always in the order of their ids; before any stock. */
export const lockSagas: Statement = {
  name: 'lock-sagas',
  text: `
    SELECT ${sagaColumns}
    FROM sagas
    WHERE order_id = ANY ($1::uuid[])
    ORDER BY order_id
    FOR NO KEY UPDATE`,
};
