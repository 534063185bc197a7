import type { OrderToProcess } from './order-to-process.ts';
import type { SagaFailure } from './saga-failure.ts';
import type { StockMovement } from './stock.ts';

/**
 * - `started`: known, nothing done yet.
 * - `reserved`: stock is held; the payment may or may not have been asked for.
 * - `compensating`: given up; the money is being made sure of before the stock is released.
 * - `completed`, `failed`: ended. A recoverable failure may start another run.
 */
export type SagaState = 'started' | 'reserved' | 'compensating' | 'completed' | 'failed';

export interface Saga {
  readonly order: OrderToProcess;
  readonly state: SagaState;
  /** 0 for the first run, then the replay count of the message that started the run. */
  readonly run: number;
  /** The message that drives the saga, and what it was part of. */
  readonly messageId: string;
  readonly correlationId: string;
  readonly traceparent: string;
  readonly paymentId: string | null;
  readonly failure: SagaFailure | null;
  /** Sequence of the last announcement about the order. */
  readonly eventSequence: number;
  readonly startedAt: Date;
  readonly updatedAt: Date;
  /** When a saga that has not ended is taken up again by the watchdog. */
  readonly deadlineAt: Date | null;
}

export type SagaEvent =
  | { readonly type: 'restarted'; readonly run: number }
  | { readonly type: 'stockReserved' }
  | { readonly type: 'stockRefused'; readonly failure: SagaFailure }
  | { readonly type: 'paymentCaptured'; readonly paymentId: string }
  | { readonly type: 'paymentDeclined'; readonly failure: SagaFailure }
  | { readonly type: 'gaveUp'; readonly failure: SagaFailure }
  | { readonly type: 'compensated' };

/** What is told to the order-service. */
export type Announcement = 'reserved' | 'paid' | 'processed';

interface Step {
  readonly next: SagaState;
  readonly stock?: StockMovement;
  readonly announce: readonly Announcement[];
}

/** The saga as a table: what an event does in a state. What is not listed changes nothing. */
export const sagaSteps: Readonly<Record<SagaState, Readonly<Partial<Record<SagaEvent['type'], Step>>>>> = {
  started: {
    stockReserved: { next: 'reserved', stock: 'reserve', announce: ['reserved'] },
    stockRefused: { next: 'failed', announce: ['processed'] },
    gaveUp: { next: 'failed', announce: ['processed'] },
  },
  reserved: {
    paymentCaptured: { next: 'completed', stock: 'ship', announce: ['paid', 'processed'] },
    paymentDeclined: { next: 'failed', stock: 'release', announce: ['processed'] },
    gaveUp: { next: 'compensating', announce: [] },
  },
  compensating: {
    compensated: { next: 'failed', stock: 'release', announce: ['processed'] },
  },
  completed: {},
  failed: {
    restarted: { next: 'started', announce: [] },
  },
};

/** A step that was taken: the saga after it, and what else has to happen in the same transaction. */
export interface Advance {
  readonly saga: Saga;
  readonly stock: StockMovement | undefined;
  readonly announce: readonly Announcement[];
}

/** Takes a step; `undefined` when the event means nothing in this state, as with duplicates. */
export function advance(saga: Saga, event: SagaEvent, now: Date): Advance | undefined {
  const step = sagaSteps[saga.state][event.type];
  if (!step || (event.type === 'restarted' && !mayRestart(saga, event.run))) return undefined;
  const ended = step.next === 'completed' || step.next === 'failed';
  return {
    saga: {
      ...saga,
      ...learnedFrom(event),
      state: step.next,
      updatedAt: now,
      deadlineAt: ended ? null : saga.deadlineAt,
    },
    stock: step.stock,
    announce: step.announce,
  };
}

/** Only a recoverable failure runs again, and once per replay. */
export function mayRestart(saga: Saga, run: number): boolean {
  return saga.state === 'failed' && saga.failure?.recoverable === true && run > saga.run;
}

/** The key under which the provider knows this run's charge. Every run has its own: the last one's was cancelled. */
export function paymentKeyOf(saga: Saga): string {
  return `${saga.order.orderId}:charge:${saga.run}`;
}

function learnedFrom(event: SagaEvent): Partial<Saga> {
  switch (event.type) {
    case 'restarted':
      return { run: event.run, failure: null };
    case 'stockRefused':
    case 'paymentDeclined':
    case 'gaveUp':
      return { failure: event.failure };
    case 'paymentCaptured':
      return { paymentId: event.paymentId };
    case 'stockReserved':
    case 'compensated':
      return {};
    default:
      return event satisfies never;
  }
}
