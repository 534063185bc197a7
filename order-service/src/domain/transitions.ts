import type { OrderStatus } from './order.ts';

/** From which status an order may go where. The one table that code, documentation and tests use. */
export const transitions: Readonly<Record<OrderStatus, readonly OrderStatus[]>> = {
  pending: ['reserved', 'failed', 'cancelled'],
  reserved: ['paid', 'failed', 'cancelled'],
  paid: ['completed', 'refunded'],
  completed: ['fulfilled', 'refunded'],
  fulfilled: ['refunded'],
  // Only where the failure is recoverable: an operator may replay it, the customer may cancel it.
  failed: ['pending', 'cancelled'],
  cancelled: [],
  refunded: [],
};

export function isAllowed(from: OrderStatus, to: OrderStatus): boolean {
  return transitions[from].includes(to);
}
