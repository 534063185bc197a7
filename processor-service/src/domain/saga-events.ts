import { openRefundsOf, type Refund, type Saga } from './saga.ts';
import type { SagaFailure, Trouble } from './saga-failure.ts';

/**
 * What can happen to a saga. What somebody learned while driving one run names that run and means nothing to any other:
 * a driver that slept through a replay must not take the old charge for the new one.
 */
export type SagaEvent =
  /** By a message that was replayed so often, or by an operator. */
  | { readonly type: 'restarted'; readonly replays: number }
  | { readonly type: 'stockReserved' }
  | { readonly type: 'stockRefused'; readonly failure: SagaFailure }
  | { readonly type: 'paymentRequested' }
  | { readonly type: 'paymentExpired'; readonly run: number; readonly failure: SagaFailure }
  | { readonly type: 'paymentCaptured'; readonly run: number; readonly paymentId: string }
  | { readonly type: 'paymentDeclined'; readonly run: number; readonly failure: SagaFailure }
  /** `replays`: of the message that is given up, or of the saga that is. */
  | { readonly type: 'gaveUp'; readonly replays: number; readonly failure: SagaFailure }
  | { readonly type: 'compensated'; readonly run: number }
  /** What the saga is doing now did not work, and is tried again at `retryAt`. */
  | {
      readonly type: 'attemptFailed';
      readonly run: number;
      readonly trouble: Trouble;
      readonly retryAt: Date;
      /** `false`: nothing was tried, because the provider is known to be away. */
      readonly counts: boolean;
    }
  /** The compensation cannot be finished without a person. */
  | { readonly type: 'stuck'; readonly run: number; readonly trouble: Trouble }
  | { readonly type: 'cancelRequested' }
  | { readonly type: 'refundRequested'; readonly refund: Pick<Refund, 'id' | 'amountMinor' | 'reason'> }
  /** The provider gave the money back. */
  | { readonly type: 'refundSettled'; readonly refundId: string }
  | { readonly type: 'refundStuck'; readonly refundId: string; readonly trouble: Trouble }
  /** An operator says that what kept the saga from going on is repaired. */
  | { readonly type: 'resumed' };

/** Whether the event says nothing new, in whatever state the saga is: a duplicate, or about a run that is over. */
export function isOld(saga: Saga, event: SagaEvent): boolean {
  switch (event.type) {
    case 'paymentExpired':
    case 'paymentCaptured':
    case 'paymentDeclined':
    case 'compensated':
    case 'attemptFailed':
    case 'stuck':
      return event.run !== saga.run;
    case 'gaveUp':
      return event.replays < saga.replays;
    case 'cancelRequested':
      return saga.cancelRequested;
    case 'refundRequested':
      return saga.refunds.some(({ id }) => id === event.refund.id);
    case 'refundSettled':
      // Also one that somebody else has declared stuck meanwhile: the money did go back.
      return !hasRefund(saga, event.refundId, ['requested', 'needs_attention']);
    case 'refundStuck':
      return !hasRefund(saga, event.refundId, ['requested']);
    case 'restarted':
    case 'stockReserved':
    case 'stockRefused':
    case 'paymentRequested':
    case 'resumed':
      return false;
    default:
      return event satisfies never;
  }
}

/** What the saga knows after the event, apart from its state. `accepted` matters to a refund that was asked for. */
export function learnedFrom(saga: Saga, event: SagaEvent, accepted: boolean): Partial<Saga> {
  switch (event.type) {
    case 'restarted':
      return { run: saga.run + 1, replays: event.replays, failure: null };
    case 'stockRefused':
    case 'paymentDeclined':
    case 'paymentExpired':
    case 'gaveUp':
      return { failure: event.failure };
    case 'paymentRequested':
      return { paymentRequested: true };
    case 'paymentCaptured':
      return { paymentId: event.paymentId };
    case 'cancelRequested':
      return { cancelRequested: true };
    case 'attemptFailed':
      return {
        attempts: saga.attempts + (event.counts ? 1 : 0),
        trouble: event.trouble,
        deadlineAt: event.retryAt,
      };
    case 'stuck':
      return { attempts: saga.attempts + 1, trouble: event.trouble };
    case 'refundRequested': {
      const state = accepted ? ('requested' as const) : ('rejected' as const);
      return { refunds: [...saga.refunds, { ...event.refund, state }] };
    }
    case 'refundSettled':
      return { refunds: withRefund(saga, event.refundId, { state: 'refunded' }) };
    case 'refundStuck':
      return {
        refunds: withRefund(saga, event.refundId, { state: 'needs_attention', trouble: event.trouble }),
      };
    case 'resumed':
      return { refunds: saga.refunds.map(askedAgain) };
    case 'stockReserved':
    case 'compensated':
      return {};
    default:
      return event satisfies never;
  }
}

/** How many attempts may fail, and how long a saga may take, in milliseconds. */
export interface Patience {
  /** From the reservation to the end of the payment, before the watchdog looks after it. */
  readonly processingMs: number;
  /** How long a customer has to ask for a manual payment. */
  readonly paymentWindowMs: number;
  /** How long whoever begins a compensation or a refund has it to himself. */
  readonly handsOnMs: number;
}

/** When the watchdog has to take up a saga that this event has brought to where it stands. */
export function deadlineAfter(saga: Saga, event: SagaEvent, now: Date, patience: Patience): Date | null {
  if (saga.trouble !== null && saga.state !== 'needs_attention') return saga.deadlineAt;
  const within = (milliseconds: number): Date => new Date(now.getTime() + milliseconds);
  const handsOnMs = event.type === 'resumed' ? 0 : patience.handsOnMs;
  switch (saga.state) {
    case 'started':
    case 'reserved':
      return within(patience.processingMs);
    case 'awaiting_payment':
      return within(patience.paymentWindowMs);
    case 'compensating':
      return within(handsOnMs);
    case 'completed':
      return openRefundsOf(saga).length > 0 ? within(handsOnMs) : null;
    case 'needs_attention':
    case 'failed':
    case 'cancelled':
    case 'refunded':
      return null;
    default:
      return saga.state satisfies never;
  }
}

function hasRefund(saga: Saga, refundId: string, states: readonly Refund['state'][]): boolean {
  return saga.refunds.some(({ id, state }) => id === refundId && states.includes(state));
}

function withRefund(saga: Saga, refundId: string, changes: Partial<Refund>): readonly Refund[] {
  return saga.refunds.map((refund) => (refund.id === refundId ? { ...bare(refund), ...changes } : refund));
}

function askedAgain(refund: Refund): Refund {
  return refund.state === 'needs_attention' ? { ...bare(refund), state: 'requested' } : refund;
}

/** Without the trouble it had. */
function bare({ id, amountMinor, reason, state }: Refund): Refund {
  return { id, amountMinor, reason, state };
}
