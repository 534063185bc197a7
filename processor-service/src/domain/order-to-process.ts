/** What the processor needs to know about an order. Amounts are in minor units of the currency. */
export interface OrderToProcess {
  readonly orderId: string;
  readonly customerId: string;
  readonly currency: string;
  readonly totalMinor: number;
  /** Whether the payment follows the reservation by itself or waits until it is asked for. Absent: `automatic`. */
  readonly payment?: 'automatic' | 'manual';
  readonly items: readonly { readonly sku: string; readonly quantity: number }[];
}

/** Pieces of one SKU. */
export interface StockLine {
  readonly sku: string;
  readonly quantity: number;
}

/** What an order takes from stock: one line per SKU, however often it was listed, in the order of the SKUs. */
export function stockLinesOf(order: OrderToProcess): readonly StockLine[] {
  const quantities = new Map<string, number>();
  for (const { sku, quantity } of order.items) quantities.set(sku, (quantities.get(sku) ?? 0) + quantity);
  return [...quantities]
    .map(([sku, quantity]) => ({ sku, quantity }))
    .sort((a, b) => (a.sku < b.sku ? -1 : 1));
}
