import type { StockLine } from './order-to-process.ts';
import type { SagaFailure } from './saga-failure.ts';

/** The pieces of one SKU. `onHand + reserved + shipped` changes only when goods come in. */
export interface Stock {
  readonly sku: string;
  readonly onHand: number;
  readonly reserved: number;
  readonly shipped: number;
}

export type StockBySku = ReadonlyMap<string, Stock>;

/** What a step of a saga does to stock. */
export type StockMovement = 'reserve' | 'ship' | 'release' | 'restock';

/** Why the lines cannot be reserved, or `undefined` when they can: all of them, or none. */
export function whyNotReservable(stock: StockBySku, lines: readonly StockLine[]): SagaFailure | undefined {
  for (const { sku, quantity } of lines) {
    const held = stock.get(sku);
    if (!held) return { code: 'UNKNOWN_SKU', message: `there is no SKU ${sku}`, recoverable: false };
    if (held.onHand < quantity) {
      const message = `${quantity} of ${sku} wanted, ${held.onHand} on hand`;
      return { code: 'OUT_OF_STOCK', message, recoverable: false };
    }
  }
  return undefined;
}

/** The stock of the lines' SKUs after a movement. Throws rather than let a count become negative. */
export function move(stock: StockBySku, lines: readonly StockLine[], movement: StockMovement): Stock[] {
  return lines.map(({ sku, quantity }) => {
    const held = stock.get(sku);
    if (!held) throw new Error(`SKU ${sku} has no stock to ${movement}`);
    const moved = moveOne(held, quantity, movement);
    if (Math.min(moved.onHand, moved.reserved, moved.shipped) < 0)
      throw new Error(`cannot ${movement} ${quantity} of ${sku}`);
    return moved;
  });
}

function moveOne(held: Stock, quantity: number, movement: StockMovement): Stock {
  switch (movement) {
    case 'reserve':
      return { ...held, onHand: held.onHand - quantity, reserved: held.reserved + quantity };
    case 'ship':
      return { ...held, reserved: held.reserved - quantity, shipped: held.shipped + quantity };
    case 'release':
      return { ...held, onHand: held.onHand + quantity, reserved: held.reserved - quantity };
    case 'restock':
      return { ...held, onHand: held.onHand + quantity, shipped: held.shipped - quantity };
    default:
      return movement satisfies never;
  }
}
