import type { Order, OrderFailure, OrderState, OrderStatus } from './order.ts';

/** What happened to an order. Its history is a list of these, and the order is what they fold to. */
export type OrderEvent =
  | {
      readonly type: 'placed';
      readonly data: Pick<
        Order,
        'id' | 'customerId' | 'currency' | 'items' | 'totalMinor' | 'description' | 'metadata'
      >;
    }
  | { readonly type: 'reserved'; readonly data: { readonly run: number } }
  | { readonly type: 'paid'; readonly data: { readonly paymentId: string; readonly amountMinor: number } }
  | { readonly type: 'completed'; readonly data: Record<never, never> }
  | { readonly type: 'failed'; readonly data: { readonly failure: OrderFailure } }
  | { readonly type: 'retried'; readonly data: { readonly run: number } };

/** The status an order has after an event. */
export const statusAfter: Readonly<Record<OrderEvent['type'], OrderStatus>> = {
  placed: 'pending',
  reserved: 'reserved',
  paid: 'paid',
  completed: 'completed',
  failed: 'failed',
  retried: 'pending',
};

/** The order that an event of type `placed` begins. */
export function begin(event: OrderEvent & { type: 'placed' }, at: Date): Order {
  return {
    ...event.data,
    status: statusAfter.placed,
    failure: null,
    version: 1,
    processingRun: 0,
    processingSequence: 0,
    eventSequence: 0,
    createdAt: at,
    updatedAt: at,
  };
}

/** The order after one more event. */
export function evolve<State extends OrderState>(order: State, event: OrderEvent, at: Date): State {
  const next = { ...order, status: statusAfter[event.type], version: order.version + 1, updatedAt: at };
  switch (event.type) {
    case 'placed':
      throw new Error(`order ${order.id} cannot be placed twice`);
    case 'failed':
      return { ...next, failure: event.data.failure };
    case 'retried':
      return { ...next, failure: null, processingRun: event.data.run };
    case 'reserved':
    case 'paid':
    case 'completed':
      return next;
    default:
      return event satisfies never;
  }
}
