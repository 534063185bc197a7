/** An item of an order. Amounts are in minor units (cents) of the order's currency. */
export interface OrderItem {
  readonly sku: string;
  readonly quantity: number;
  readonly unitPriceMinor: number;
}

/** Why an order failed; a recoverable failure may be replayed. */
export interface OrderFailure {
  readonly code: string;
  readonly message: string;
  readonly recoverable: boolean;
}

/** `automatic`: paid as soon as stock is reserved; `manual`: when the customer asks for it. */
export const paymentModes = ['automatic', 'manual'] as const;
export type PaymentMode = (typeof paymentModes)[number];

/** Money the customer is to get back, in minor units. The id is the caller's, and stands for this refund for ever. */
export interface Refund {
  readonly id: string;
  readonly amountMinor: number;
  readonly reason: string;
  readonly status: 'requested' | 'refunded' | 'rejected';
}

/** That somebody asked for the order to be cancelled, and what the processor said to it. */
export interface Cancellation {
  readonly status: 'requested' | 'accepted' | 'rejected';
  readonly reason: string;
  /** Why it was rejected. */
  readonly message?: string;
}

export const orderStatuses = [
  'pending',
  'reserved',
  'paid',
  'completed',
  'fulfilled',
  'failed',
  'cancelled',
  'refunded',
] as const;
export type OrderStatus = (typeof orderStatuses)[number];

export interface Order {
  readonly id: string;
  readonly customerId: string;
  readonly status: OrderStatus;
  readonly currency: string;
  readonly items: readonly OrderItem[];
  readonly totalMinor: number;
  readonly description: string | null;
  readonly metadata: Readonly<Record<string, string>>;
  readonly failure: OrderFailure | null;
  readonly payment: PaymentMode;
  /** Whether the payment of a manual order was asked for. */
  readonly paymentRequested: boolean;
  /** What was captured, in minor units. */
  readonly paidMinor: number;
  readonly refunds: readonly Refund[];
  readonly cancellation: Cancellation | null;
  /** Number of events in the order's history. */
  readonly version: number;
  /** Which run of the saga the order follows. */
  readonly processingRun: number;
  /** Sequence of the last processor message that was taken account of. */
  readonly processingSequence: number;
  /** Sequence of the last message this service announced about the order. */
  readonly eventSequence: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** The part of an order that its later history changes. */
export type OrderState = Omit<Order, 'items'>;

/** Whether nothing can happen to an order any more. One that is completed can still be refunded. */
export function hasEnded(order: Pick<Order, 'status' | 'failure' | 'cancellation' | 'refunds'>): boolean {
  const { status, failure, cancellation, refunds } = order;
  const isAnswered =
    cancellation?.status !== 'requested' && refunds.every((one) => one.status !== 'requested');
  const isFinal =
    status === 'cancelled' || status === 'refunded' || (status === 'failed' && !failure?.recoverable);
  return isFinal && isAnswered;
}

/** What went back to the customer, in minor units. */
export function refundedMinorOf({ refunds }: Pick<Order, 'refunds'>): number {
  return sumOf(refunds.filter(({ status }) => status === 'refunded'));
}

/** What can still be refunded, in minor units: what was paid, less what went back or is on its way. */
export function refundableMinorOf({ paidMinor, refunds }: Pick<Order, 'paidMinor' | 'refunds'>): number {
  return paidMinor - sumOf(refunds.filter(({ status }) => status !== 'rejected'));
}

function sumOf(refunds: readonly Refund[]): number {
  return refunds.reduce((sum, { amountMinor }) => sum + amountMinor, 0);
}
