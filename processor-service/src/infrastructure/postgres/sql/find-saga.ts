import type { Statement } from '#shared/postgres/statement.ts';
import { sagaColumns } from './saga-columns.ts';

export const findSaga: Statement = {
  name: 'find-saga',
  text: `SELECT ${sagaColumns} FROM sagas WHERE order_id = $1`,
};
