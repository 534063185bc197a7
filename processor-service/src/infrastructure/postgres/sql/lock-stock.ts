import type { Statement } from '#shared/postgres/statement.ts';

/** Locks the stock of the SKUs $1, always in the order of the SKUs; after any sagas. */
export const lockStock: Statement = {
  name: 'lock-stock',
  text: `
    SELECT sku, on_hand, reserved, shipped
    FROM stock
    WHERE sku = ANY ($1::text[])
    ORDER BY sku
    FOR NO KEY UPDATE`,
};
