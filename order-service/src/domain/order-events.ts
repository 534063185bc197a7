import type { Cancellation, Order, OrderFailure, OrderState, OrderStatus, Refund } from './order.ts';

/** What happened to an order. Its history is a list of these, and the order is what they fold to. */
export type OrderEvent =
  | {
      readonly type: 'placed';
      readonly data: Pick<
        Order,
        'id' | 'customerId' | 'currency' | 'items' | 'totalMinor' | 'description' | 'metadata' | 'payment'
      >;
    }
  | { readonly type: 'reserved'; readonly data: { readonly run: number } }
  | { readonly type: 'paid'; readonly data: { readonly paymentId: string; readonly amountMinor: number } }
  | { readonly type: 'completed'; readonly data: Record<never, never> }
  | { readonly type: 'failed'; readonly data: { readonly failure: OrderFailure } }
  | { readonly type: 'retried'; readonly data: { readonly run: number } }
  | { readonly type: 'fulfilled'; readonly data: Record<never, never> }
  | { readonly type: 'paymentRequested'; readonly data: Record<never, never> }
  | { readonly type: 'cancellationRequested'; readonly data: { readonly reason: string } }
  | {
      readonly type: 'cancellationRejected';
      readonly data: { readonly code: string; readonly message: string };
    }
  | { readonly type: 'cancelled'; readonly data: Record<never, never> }
  | {
      readonly type: 'refundRequested';
      readonly data: { readonly refundId: string; readonly amountMinor: number; readonly reason: string };
    }
  | {
      readonly type: 'refundRejected';
      readonly data: { readonly refundId: string; readonly code: string; readonly message: string };
    }
  /** A part of the money went back. */
  | {
      readonly type: 'partiallyRefunded';
      readonly data: { readonly refundId: string; readonly amountMinor: number };
    }
  /** The rest of the money went back, and the goods are in stock again. */
  | { readonly type: 'refunded'; readonly data: { readonly refundId: string; readonly amountMinor: number } };

/** The status an order has after an event; events that are not listed leave it as it is. */
export const statusAfter: Readonly<Partial<Record<OrderEvent['type'], OrderStatus>>> = {
  placed: 'pending',
  reserved: 'reserved',
  paid: 'paid',
  completed: 'completed',
  failed: 'failed',
  retried: 'pending',
  fulfilled: 'fulfilled',
  cancelled: 'cancelled',
  refunded: 'refunded',
};

/** The order that an event of type `placed` begins. */
export function begin(event: OrderEvent & { type: 'placed' }, at: Date): Order {
  return {
    ...event.data,
    status: 'pending',
    failure: null,
    paymentRequested: false,
    paidMinor: 0,
    refunds: [],
    cancellation: null,
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
  const status = statusAfter[event.type] ?? order.status;
  return { ...order, ...learnedFrom(order, event), status, version: order.version + 1, updatedAt: at };
}

function learnedFrom(order: OrderState, event: OrderEvent): Partial<OrderState> {
  switch (event.type) {
    case 'placed':
      throw new Error(`order ${order.id} cannot be placed twice`);
    case 'failed':
      return { failure: event.data.failure };
    case 'retried':
      return { failure: null, processingRun: event.data.run };
    case 'paid':
      return { paidMinor: event.data.amountMinor };
    case 'paymentRequested':
      return { paymentRequested: true };
    case 'cancellationRequested':
      return { cancellation: { status: 'requested', reason: event.data.reason } };
    case 'cancellationRejected':
      return { cancellation: answered(order, 'rejected', event.data.message) };
    case 'cancelled':
      return { cancellation: answered(order, 'accepted') };
    case 'refundRequested': {
      const { refundId: id, amountMinor, reason } = event.data;
      return { refunds: [...order.refunds, { id, amountMinor, reason, status: 'requested' }] };
    }
    case 'refundRejected':
      return { refunds: withRefund(order, event.data.refundId, 'rejected') };
    case 'partiallyRefunded':
    case 'refunded':
      return { refunds: withRefund(order, event.data.refundId, 'refunded') };
    case 'reserved':
    case 'completed':
    case 'fulfilled':
      return {};
    default:
      return event satisfies never;
  }
}

function answered(order: OrderState, status: Cancellation['status'], message?: string): Cancellation {
  const reason = order.cancellation?.reason ?? '';
  return { status, reason, ...(message === undefined ? {} : { message }) };
}

function withRefund(order: OrderState, refundId: string, status: Refund['status']): readonly Refund[] {
  return order.refunds.map((refund) => (refund.id === refundId ? { ...refund, status } : refund));
}
