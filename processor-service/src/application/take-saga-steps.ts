import type { Clock } from '#shared/kernel/clock.ts';
import { type OutboxRow, toOutboxRow } from '#shared/outbox/outbox-message.ts';
import { type OrderToProcess, stockLinesOf } from '../domain/order-to-process.ts';
import { isRecoverable, type Saga } from '../domain/saga.ts';
import { deadlineAfter, type Patience, type SagaEvent } from '../domain/saga-events.ts';
import { advance } from '../domain/saga-steps.ts';
import { move, type Stock, type StockMovement, whyNotReservable } from '../domain/stock.ts';
import { announcementsOf } from './announcements.ts';
import type { ReservationChange, Resumption, SagaRepository } from './ports/saga-repository.ts';

/** What asks for an order to be processed: a message, or its saga. */
export interface ProcessingRequest {
  readonly order: OrderToProcess;
  readonly messageId: string;
  readonly correlationId: string;
  readonly traceparent: string;
  /** When the message was published for the first time, if it is a message and says so. */
  readonly sentAt?: Date | undefined;
  /** How often the message was replayed; a saga runs at most once per replay. */
  readonly replays: number;
  /** Whether the customer asks for the payment by it, or asked before. */
  readonly paymentRequested: boolean;
}

/** One step of one saga. */
export interface SagaStep {
  readonly request: ProcessingRequest;
  /**
   * `begin` brings the saga as far as the request may: starts it, starts it again, or lets a manual payment begin.
   * `resume` does the same on behalf of an operator, whatever the saga waits for.
   */
  readonly event: 'begin' | 'resume' | SagaEvent;
  /** Recorded with the step, if it is taken. */
  readonly resumption?: Resumption;
}

export interface StepResult {
  readonly saga: Saga;
  /** Whether this very step changed the saga; otherwise it stood already where it stands. */
  readonly advanced: boolean;
}

/**
 * Takes a set of steps, of any sagas, in one transaction: state, stock, reservations and announcements change together
 * or not at all. Steps that mean nothing in the state of their saga change nothing.
 *
 * @throws AppError `DATABASE_UNAVAILABLE`, `CONCURRENT_UPDATE`: then no step of the set was taken.
 */
export function createTakeSagaSteps(dependencies: {
  sagas: Pick<SagaRepository, 'change'>;
  clock: Clock;
  patience: Patience;
}) {
  const { sagas, clock, patience } = dependencies;
  return (steps: readonly SagaStep[]): Promise<readonly StepResult[]> => {
    const now = clock();
    const orders = steps.map(({ request }) => request.order);
    const scope = {
      orderIds: [...new Set(orders.map(({ orderId }) => orderId))],
      skus: [...new Set(orders.flatMap((order) => stockLinesOf(order).map(({ sku }) => sku)))],
    };
    return sagas.change(scope, (foundSagas, foundStock) => {
      const set = new WorkingSet(foundSagas, foundStock, patience, now);
      const result = steps.map((step) => set.takeStep(step));
      return { ...set.changes(), result };
    });
  };
}

const reservationAfter: Record<StockMovement, ReservationChange['state']> = {
  reserve: 'open',
  ship: 'shipped',
  release: 'released',
  restock: 'returned',
};

/** The sagas and the stock of one transaction as they change from step to step. */
class WorkingSet {
  readonly #sagas: Map<string, Saga>;
  readonly #stock: Map<string, Stock>;
  readonly #patience: Patience;
  readonly #now: Date;
  readonly #known: ReadonlyMap<string, Saga>;
  readonly #touched = new Set<string>();
  readonly #movedSkus = new Set<string>();
  readonly #reservations = new Map<string, ReservationChange>();
  readonly #announcements: OutboxRow[] = [];
  readonly #resumptions: Resumption[] = [];

  constructor(
    sagas: ReadonlyMap<string, Saga>,
    stock: ReadonlyMap<string, Stock>,
    patience: Patience,
    now: Date,
  ) {
    this.#sagas = new Map(sagas);
    this.#stock = new Map(stock);
    this.#patience = patience;
    this.#now = now;
    this.#known = sagas;
  }

  takeStep({ request, event, resumption }: SagaStep): StepResult {
    const known = this.#sagas.get(request.order.orderId);
    const saga = known ?? newSaga(request, this.#now);
    const result =
      event === 'begin'
        ? this.#begin(saga, request, known === undefined)
        : event === 'resume'
          ? this.#resume(saga, request)
          : this.#take(saga, event, request);
    if (result.advanced && resumption) this.#resumptions.push(resumption);
    return result;
  }

  changes() {
    const touched = [...this.#touched].map((orderId) => this.#sagas.get(orderId) as Saga);
    return {
      created: touched.filter(({ order }) => !this.#known.has(order.orderId)),
      updated: touched.filter(({ order }) => this.#known.has(order.orderId)),
      stock: [...this.#movedSkus].map((sku) => this.#stock.get(sku) as Stock),
      reservations: [...this.#reservations.values()],
      announcements: this.#announcements,
      resumptions: this.#resumptions,
      at: this.#now,
    };
  }

  #begin(saga: Saga, request: ProcessingRequest, isNew: boolean): StepResult {
    if (isNew) return this.#reserve(saga, request);
    if (isRecoverable(saga) && request.replays > saga.replays) return this.#restart(saga, request);
    if (request.paymentRequested) return this.#take(saga, { type: 'paymentRequested' }, request);
    return { saga, advanced: false };
  }

  /** The watchdog takes it up at once: no message will. */
  #resume(saga: Saga, request: ProcessingRequest): StepResult {
    if (!isRecoverable(saga)) return this.#take(saga, { type: 'resumed' }, request);
    const restarted = this.#restart(saga, saga).saga;
    const due = restarted.state === 'reserved' ? { ...restarted, deadlineAt: this.#now } : restarted;
    this.#sagas.set(due.order.orderId, due);
    return { saga: due, advanced: true };
  }

  #restart(saga: Saga, request: ProcessingRequest): StepResult {
    const { saga: started } = this.#take(saga, { type: 'restarted', replays: request.replays }, request);
    const paymentRequested = started.paymentRequested || request.paymentRequested;
    return this.#reserve({ ...started, paymentRequested }, request);
  }

  #reserve(started: Saga, request: ProcessingRequest): StepResult {
    const failure = whyNotReservable(this.#stock, stockLinesOf(started.order));
    const event = failure ? ({ type: 'stockRefused', failure } as const) : { type: 'stockReserved' as const };
    return this.#take(started, event, request);
  }

  #take(saga: Saga, event: SagaEvent, cause: ProcessingRequest): StepResult {
    const step = advance(saga, event, this.#now);
    if (!step) return { saga, advanced: false };
    const { orderId } = saga.order;
    if (step.stock) this.#moveStock(saga.order, step.stock);
    const messages = announcementsOf({ ...step, event }, cause, this.#now);
    this.#announcements.push(...messages.map(toOutboxRow));
    const after = {
      ...step.saga,
      eventSequence: step.saga.eventSequence + messages.length,
      deadlineAt: deadlineAfter(step.saga, event, this.#now, this.#patience),
    };
    this.#sagas.set(orderId, after);
    this.#touched.add(orderId);
    return { saga: after, advanced: true };
  }

  #moveStock(order: OrderToProcess, movement: StockMovement): void {
    const lines = stockLinesOf(order);
    for (const moved of move(this.#stock, lines, movement)) {
      this.#stock.set(moved.sku, moved);
      this.#movedSkus.add(moved.sku);
    }
    const { orderId } = order;
    this.#reservations.set(orderId, { orderId, lines, state: reservationAfter[movement] });
  }
}

function newSaga(request: ProcessingRequest, now: Date): Saga {
  const { order, messageId, correlationId, traceparent, replays } = request;
  return {
    order,
    state: 'started',
    run: 0,
    replays,
    messageId,
    correlationId,
    traceparent,
    paymentId: null,
    failure: null,
    paymentRequested: request.paymentRequested || order.payment !== 'manual',
    cancelRequested: false,
    refunds: [],
    attempts: 0,
    trouble: null,
    eventSequence: 0,
    startedAt: now,
    updatedAt: now,
    deadlineAt: null,
  };
}
