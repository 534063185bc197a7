import {
  isPaymentAwaited,
  isRecoverable,
  openRefundsOf,
  refundableMinorOf,
  refundedMinorOf,
  type Saga,
  type SagaState,
  stuckRefundsOf,
} from './saga.ts';
import { isOld, learnedFrom, type SagaEvent } from './saga-events.ts';
import type { StockMovement } from './stock.ts';

/** What is told to the order-service. */
export type Announcement =
  | 'reserved'
  | 'paid'
  | 'processed'
  | 'cancelled'
  | 'cancel_rejected'
  | 'refunded'
  | 'refund_rejected';

/** What a step may depend on beside the state. */
const guards = {
  'the payment is awaited': isPaymentAwaited,
  'it is recoverable': isRecoverable,
  'a cancellation was asked for': (saga: Saga) => saga.cancelRequested,
  'so much is left': (saga: Saga, event: SagaEvent) =>
    event.type === 'refundRequested' && event.refund.amountMinor <= refundableMinorOf(saga),
  'everything is refunded by it': (saga: Saga, event: SagaEvent) =>
    refundedMinorOf({ ...saga, ...learnedFrom(saga, event, true) }) === saga.order.totalMinor,
  'a refund is open': (saga: Saga) => openRefundsOf(saga).length > 0,
  'a refund needs attention': (saga: Saga) => stuckRefundsOf(saga).length > 0,
} satisfies Record<string, (saga: Saga, event: SagaEvent) => boolean>;

interface Step {
  readonly in: SagaState;
  readonly on: SagaEvent['type'];
  readonly if?: keyof typeof guards;
  /** The same state again, where the event is only noted, answered or counted. */
  readonly next: SagaState;
  readonly stock?: StockMovement;
  readonly announce?: readonly Announcement[];
}

/**
 * The saga as a table: what an event does in a state. Of the rows for the same state and event the first one applies
 * whose condition holds; where there is none, the event changes nothing.
 */
export const sagaSteps: readonly Step[] = [
  {
    in: 'started',
    on: 'stockReserved',
    if: 'the payment is awaited',
    next: 'awaiting_payment',
    stock: 'reserve',
    announce: ['reserved'],
  },
  { in: 'started', on: 'stockReserved', next: 'reserved', stock: 'reserve', announce: ['reserved'] },
  { in: 'started', on: 'stockRefused', next: 'failed', announce: ['processed'] },
  { in: 'started', on: 'gaveUp', next: 'failed', announce: ['processed'] },
  { in: 'started', on: 'cancelRequested', next: 'cancelled', announce: ['cancelled'] },

  { in: 'awaiting_payment', on: 'paymentRequested', next: 'reserved' },
  { in: 'awaiting_payment', on: 'paymentExpired', next: 'failed', stock: 'release', announce: ['processed'] },
  { in: 'awaiting_payment', on: 'gaveUp', next: 'failed', stock: 'release', announce: ['processed'] },
  {
    in: 'awaiting_payment',
    on: 'cancelRequested',
    next: 'cancelled',
    stock: 'release',
    announce: ['cancelled'],
  },

  {
    in: 'reserved',
    on: 'paymentCaptured',
    next: 'completed',
    stock: 'ship',
    announce: ['paid', 'processed'],
  },
  { in: 'reserved', on: 'paymentDeclined', next: 'failed', stock: 'release', announce: ['processed'] },
  { in: 'reserved', on: 'attemptFailed', next: 'reserved' },
  { in: 'reserved', on: 'gaveUp', next: 'compensating' },
  { in: 'reserved', on: 'cancelRequested', next: 'compensating' },

  ...(['compensating', 'needs_attention'] as const).flatMap((state): Step[] => [
    {
      in: state,
      on: 'compensated',
      if: 'a cancellation was asked for',
      next: 'cancelled',
      stock: 'release',
      announce: ['cancelled'],
    },
    { in: state, on: 'compensated', next: 'failed', stock: 'release', announce: ['processed'] },
    { in: state, on: 'cancelRequested', next: state },
  ]),
  { in: 'compensating', on: 'attemptFailed', next: 'compensating' },
  { in: 'compensating', on: 'stuck', next: 'needs_attention' },
  { in: 'needs_attention', on: 'resumed', next: 'compensating' },

  { in: 'completed', on: 'cancelRequested', next: 'completed', announce: ['cancel_rejected'] },
  { in: 'completed', on: 'refundRequested', if: 'so much is left', next: 'completed' },
  {
    in: 'completed',
    on: 'refundSettled',
    if: 'everything is refunded by it',
    next: 'refunded',
    stock: 'restock',
    announce: ['refunded'],
  },
  { in: 'completed', on: 'refundSettled', next: 'completed', announce: ['refunded'] },
  { in: 'completed', on: 'attemptFailed', if: 'a refund is open', next: 'completed' },
  { in: 'completed', on: 'refundStuck', next: 'completed' },
  { in: 'completed', on: 'resumed', if: 'a refund needs attention', next: 'completed' },

  { in: 'failed', on: 'restarted', if: 'it is recoverable', next: 'started' },
  {
    in: 'failed',
    on: 'cancelRequested',
    if: 'it is recoverable',
    next: 'cancelled',
    announce: ['cancelled'],
  },
  { in: 'failed', on: 'cancelRequested', next: 'failed', announce: ['cancel_rejected'] },
  { in: 'refunded', on: 'cancelRequested', next: 'refunded', announce: ['cancel_rejected'] },

  ...(
    [
      'awaiting_payment',
      'reserved',
      'compensating',
      'needs_attention',
      'completed',
      'failed',
      'cancelled',
      'refunded',
    ] as const
  ).map((state): Step => {
    return { in: state, on: 'refundRequested', next: state, announce: ['refund_rejected'] };
  }),
];

/** A step that was taken: the saga after it, and what else has to happen in the same transaction. */
export interface Advance {
  readonly saga: Saga;
  readonly stock: StockMovement | undefined;
  readonly announce: readonly Announcement[];
}

/** Takes a step; `undefined` when the event means nothing in this state, as with duplicates. */
export function advance(saga: Saga, event: SagaEvent, now: Date): Advance | undefined {
  if (isOld(saga, event)) return undefined;
  const step = sagaSteps.find(
    (row) => row.in === saga.state && row.on === event.type && (!row.if || guards[row.if](saga, event)),
  );
  if (!step) return undefined;
  const { next: state, stock, announce = [] } = step;
  // A request that is only noted leaves the attempts at what the saga is doing as they are.
  const goesOn = isRequest(event) && state === saga.state;
  const attempts = goesOn ? {} : { attempts: 0, trouble: null };
  const learned = learnedFrom(saga, event, !announce.includes('refund_rejected'));
  return { saga: { ...saga, ...attempts, ...learned, state, updatedAt: now }, stock, announce };
}

function isRequest({ type }: SagaEvent): boolean {
  return type === 'cancelRequested' || type === 'refundRequested';
}
