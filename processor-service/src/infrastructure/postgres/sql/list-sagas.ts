import type { Statement } from '#shared/postgres/statement.ts';
import { sagaColumns } from './saga-columns.ts';

/** Up to $3 sagas in state $1 or, where that is null, in any; only those of orders before $2, where that is given. */
export const listSagas: Statement = {
  name: 'list-sagas',
  text: `
    SELECT ${sagaColumns}
    FROM sagas
    WHERE ($1::saga_state IS NULL OR state = $1) AND ($2::uuid IS NULL OR order_id < $2)
    ORDER BY order_id DESC
    LIMIT $3`,
};

/** Up to $2 sagas that wait for an operator, on a partial index that holds nothing else; of orders before $1. */
export const listSagasInNeed: Statement = {
  name: 'list-sagas-in-need',
  text: `
    SELECT ${sagaColumns}
    FROM sagas
    WHERE (state = 'needs_attention' OR refunds @> '[{"state": "needs_attention"}]')
      AND ($1::uuid IS NULL OR order_id < $1)
    ORDER BY order_id DESC
    LIMIT $2`,
};
