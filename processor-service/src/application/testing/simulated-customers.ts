import type { Message } from './simulated-world.ts';

export const totalMinor = 100;
/** Not enough for every pair of orders. */
export const pieces = 3;
export const openingStock = [{ sku: 'A', onHand: pieces, reserved: 0, shipped: 0 }];

/** What customers do, and whether the provider likes them. */
export interface Wishes {
  readonly payment: 'automatic' | 'manual';
  readonly pays: boolean;
  readonly cancels: boolean;
  /** Amounts; together they may be more than was paid. */
  readonly refunds: readonly number[];
  readonly quantity: number;
  readonly isDeclined: boolean;
}

/** An order that nothing happens to. */
export const plain: Wishes = {
  payment: 'automatic',
  pays: false,
  cancels: false,
  refunds: [],
  quantity: 1,
  isDeclined: false,
};

export const orderIdOf = (index: number): string => `01a1fbf4-b78c-76fb-8985-00000000000${index}`;
const refundIdOf = (order: number, index: number): string =>
  `01a1fbf4-b78c-76fb-8985-1000000000${order}${index}`;

/** What the order-service sends about it; one `order.created` at least, and that first. */
export function messagesOf(wish: Wishes, index: number): Message[] {
  const orderId = orderIdOf(index);
  const { payment, quantity } = wish;
  const items = [{ sku: 'A', quantity }];
  const order = { orderId, customerId: 'c', currency: 'EUR', totalMinor, payment, items };
  const cause = { messageId: orderId, correlationId: 'c', traceparent: 't' };
  const request = { ...cause, order, replays: 0, paymentRequested: false };
  return [
    { kind: 'process', request },
    ...(payment === 'manual' && wish.pays
      ? [{ kind: 'process' as const, request: { ...request, paymentRequested: true } }]
      : []),
    ...(wish.cancels ? [{ kind: 'cancel' as const, request }] : []),
    ...wish.refunds.map((amountMinor, nth): Message => {
      const refund = { id: refundIdOf(index, nth), amountMinor, reason: 'r', currency: 'EUR' };
      return { kind: 'refund', request: { ...refund, ...cause, orderId } };
    }),
  ];
}
