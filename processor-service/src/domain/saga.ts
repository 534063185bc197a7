import type { OrderToProcess } from './order-to-process.ts';
import type { SagaFailure, Trouble } from './saga-failure.ts';

/**
 * - `started`: known, nothing done yet; never seen outside a transaction.
 * - `awaiting_payment`: stock is held, and the customer has yet to ask for the payment.
 * - `reserved`: stock is held; the payment may or may not have been asked for at the provider.
 * - `compensating`: given up or cancelled; the money is being made sure of before the stock is released.
 * - `needs_attention`: the same, but the provider will not have it; stock is held until an operator resumes the saga.
 * - `completed`: paid and shipped; may be refunded.
 * - `failed`: ended. A recoverable failure may start another run.
 * - `cancelled`, `refunded`: ended for good.
 */
export type SagaState =
  | 'started'
  | 'awaiting_payment'
  | 'reserved'
  | 'compensating'
  | 'needs_attention'
  | 'completed'
  | 'failed'
  | 'cancelled'
  | 'refunded';

export const sagaStates: readonly SagaState[] = [
  'started',
  'awaiting_payment',
  'reserved',
  'compensating',
  'needs_attention',
  'completed',
  'failed',
  'cancelled',
  'refunded',
];

/** Money that is to go back to the customer. */
export interface Refund {
  readonly id: string;
  /** In minor units of the order's currency. */
  readonly amountMinor: number;
  readonly reason: string;
  /** `requested` until the provider has confirmed it; `needs_attention` when the provider will not have it. */
  readonly state: 'requested' | 'refunded' | 'needs_attention' | 'rejected';
  /** What it fails of, while it needs attention. */
  readonly trouble?: Trouble;
}

export interface Saga {
  readonly order: OrderToProcess;
  readonly state: SagaState;
  /** Counts the runs, from 0. */
  readonly run: number;
  /** How often the message had been replayed that began this run, or the last one that an operator did not begin. */
  readonly replays: number;
  /** The message that began the saga, and what it was part of. */
  readonly messageId: string;
  readonly correlationId: string;
  readonly traceparent: string;
  /** The provider's id of the payment that was captured. */
  readonly paymentId: string | null;
  readonly failure: SagaFailure | null;
  /** `false` while a manual payment waits for its customer. */
  readonly paymentRequested: boolean;
  /** Whether a cancellation was asked for, whatever became of it. */
  readonly cancelRequested: boolean;
  /** Every refund that was asked for, in the order of the requests. */
  readonly refunds: readonly Refund[];
  /** Failed attempts at what the saga is doing now. */
  readonly attempts: number;
  /** What the last one failed of; also one that did not count. While there is some, `deadlineAt` is the next attempt. */
  readonly trouble: Trouble | null;
  /** Sequence of the last announcement about the order. */
  readonly eventSequence: number;
  readonly startedAt: Date;
  readonly updatedAt: Date;
  /** When the watchdog takes it up; null while there is nothing to do, or nothing that could be done without a person. */
  readonly deadlineAt: Date | null;
}

/** Whether the saga failed in a way that leaves it to an operator to start it again. */
export function isRecoverable(saga: Saga): boolean {
  return saga.state === 'failed' && saga.failure?.recoverable === true && !saga.cancelRequested;
}

/** Whether the order waits for its customer to ask for the payment. */
export function isPaymentAwaited(saga: Saga): boolean {
  return saga.order.payment === 'manual' && !saga.paymentRequested;
}

/** The key under which the provider knows this run's charge. Every run has its own: the last one's was cancelled. */
export function paymentKeyOf(saga: Saga): string {
  return `${saga.order.orderId}:charge:${saga.run}`;
}

/** The key under which the provider knows a refund, for ever. Customers name their refunds, each order for itself. */
export function refundKeyOf(saga: Saga, refundId: string): string {
  return `${saga.order.orderId}:refund:${refundId}`;
}

/** The refunds the provider has yet to confirm, in the order of the requests. */
export function openRefundsOf(saga: Saga): readonly Refund[] {
  return saga.refunds.filter(({ state }) => state === 'requested');
}

/** The refunds that wait for an operator. */
export function stuckRefundsOf(saga: Saga): readonly Refund[] {
  return saga.refunds.filter(({ state }) => state === 'needs_attention');
}

/** What went back to the customer so far, in minor units. */
export function refundedMinorOf(saga: Saga): number {
  return sumOf(saga.refunds.filter(({ state }) => state === 'refunded'));
}

/** What can still be asked back, in minor units: all of it, less what went back or is on its way. */
export function refundableMinorOf(saga: Saga): number {
  if (saga.state !== 'completed') return 0;
  return saga.order.totalMinor - sumOf(saga.refunds.filter(({ state }) => state !== 'rejected'));
}

function sumOf(refunds: readonly Refund[]): number {
  return refunds.reduce((sum, { amountMinor }) => sum + amountMinor, 0);
}
