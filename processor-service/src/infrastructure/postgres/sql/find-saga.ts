import type { Statement } from '#shared/postgres/statement.ts';
import { sagaColumns } from './saga-columns.ts';

export const findSaga: Statement = {
  name: 'find-saga',
  text: `SELECT ${sagaColumns} FROM sagas WHERE order_id = $1`,
};

export const findSagas: Statement = {
  name: 'find-sagas',
  text: `SELECT ${sagaColumns} FROM sagas WHERE order_id = ANY ($1::uuid[])`,
};
