import type { Statement } from '#shared/postgres/statement.ts';

/** The counts of the SKUs in $1, as far as they exist. */
export const findStock: Statement = {
  name: 'find-stock',
  text: 'SELECT sku, on_hand, reserved, shipped FROM stock WHERE sku = ANY ($1::text[])',
};
