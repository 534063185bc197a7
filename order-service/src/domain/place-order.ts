import type { OrderItem, PaymentMode } from './order.ts';
import type { OrderEvent } from './order-events.ts';

export interface NewOrder {
  readonly id: string;
  readonly customerId: string;
  readonly currency: string;
  readonly items: readonly (OrderItem & { readonly currency: string })[];
  readonly description: string | null;
  readonly metadata: Readonly<Record<string, string>>;
  readonly payment: PaymentMode;
}

export interface Violation {
  /** Path of the field in the request, with dots. */
  readonly field: string;
  readonly message: string;
}

export type Placement =
  | { readonly accepted: true; readonly event: OrderEvent & { type: 'placed' } }
  | { readonly accepted: false; readonly violations: readonly Violation[] };

/** Decides whether an order can be placed: one currency, and a total that is positive and exact. */
export function placeOrder(order: NewOrder): Placement {
  const violations: Violation[] = order.items.flatMap((item, index) =>
    item.currency === order.currency
      ? []
      : [
          {
            field: `items.${index}.unitPrice.currency`,
            message: `must be the order's currency, ${order.currency}`,
          },
        ],
  );
  const totalMinor = order.items.reduce((total, item) => total + item.quantity * item.unitPriceMinor, 0);
  if (totalMinor <= 0) violations.push({ field: 'items', message: 'the total must be greater than zero' });
  if (!Number.isSafeInteger(totalMinor))
    violations.push({ field: 'items', message: 'the total is too large' });
  if (violations.length > 0) return { accepted: false, violations };
  const items = order.items.map(({ sku, quantity, unitPriceMinor }) => ({ sku, quantity, unitPriceMinor }));
  return { accepted: true, event: { type: 'placed', data: { ...order, items, totalMinor } } };
}
