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
