import type { Statement } from '#shared/postgres/statement.ts';

/** Sets the free stock of SKU $1 to $2, whatever is reserved meanwhile; the difference goes into what was received. */
export const setOnHand: Statement = {
  name: 'set-on-hand',
  text: `
    INSERT INTO stock (sku, on_hand, received, updated_at)
    VALUES ($1, $2, $2, now())
    ON CONFLICT (sku) DO UPDATE
    SET received = stock.received + excluded.on_hand - stock.on_hand,
        on_hand = excluded.on_hand,
        updated_at = now()
    RETURNING sku, on_hand, reserved, shipped`,
};
