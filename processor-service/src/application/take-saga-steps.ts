import type { Clock } from '#shared/kernel/clock.ts';
import { type OutboxRow, toOutboxRow } from '#shared/outbox/outbox-message.ts';
import { type OrderToProcess, stockLinesOf } from '../domain/order-to-process.ts';
import { advance, mayRestart, type Saga, type SagaEvent } from '../domain/saga.ts';
import { move, type Stock, type StockMovement, whyNotReservable } from '../domain/stock.ts';
import { announcementsOf } from './announcements.ts';
import type { ReservationChange, SagaRepository } from './ports/saga-repository.ts';

/** A message that asks for an order to be processed. */
export interface ProcessingRequest {
  readonly order: OrderToProcess;
  readonly messageId: string;
  readonly correlationId: string;
  readonly traceparent: string;
  /** How often the message was replayed; a saga runs at most once per replay. */
  readonly run: number;
}

/** One step of one saga: its begin, or an event that happened to it. */
export interface SagaStep {
  readonly request: ProcessingRequest;
  readonly event: 'begin' | SagaEvent;
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
  sagas: SagaRepository;
  clock: Clock;
  /** How long a saga may take until the watchdog looks after it. */
  deadlineMs: number;
}) {
  const { sagas, clock, deadlineMs } = dependencies;
  return (steps: readonly SagaStep[]): Promise<readonly StepResult[]> => {
    const now = clock();
    const deadlineAt = new Date(now.getTime() + deadlineMs);
    const orders = steps.map(({ request }) => request.order);
    const scope = {
      orderIds: [...new Set(orders.map(({ orderId }) => orderId))],
      skus: [...new Set(orders.flatMap((order) => stockLinesOf(order).map(({ sku }) => sku)))],
    };
    return sagas.change(scope, (foundSagas, foundStock) => {
      const set = new WorkingSet(foundSagas, foundStock, now);
      const result = steps.map(({ request, event }) =>
        event === 'begin'
          ? begin(set, request, deadlineAt)
          : set.take(currentOrNew(set, request, now, deadlineAt), event),
      );
      return { ...set.changes(), result };
    });
  };
}

/** Starts the saga of an order that is new or replayed, and reserves its stock; otherwise leaves it as it is. */
function begin(set: WorkingSet, request: ProcessingRequest, deadlineAt: Date): StepResult {
  const { orderId } = request.order;
  const known = set.sagas.get(orderId);
  if (known && !mayRestart(known, request.run)) return { saga: known, advanced: false };
  const started = known
    ? { ...set.take(known, { type: 'restarted', run: request.run }).saga, deadlineAt }
    : newSaga(request, set.now, deadlineAt);
  const failure = whyNotReservable(set.stock, stockLinesOf(started.order));
  return set.take(started, failure ? { type: 'stockRefused', failure } : { type: 'stockReserved' });
}

function currentOrNew(set: WorkingSet, request: ProcessingRequest, now: Date, deadlineAt: Date): Saga {
  return set.sagas.get(request.order.orderId) ?? newSaga(request, now, deadlineAt);
}

function newSaga(request: ProcessingRequest, now: Date, deadlineAt: Date): Saga {
  return {
    ...request,
    state: 'started',
    paymentId: null,
    failure: null,
    eventSequence: 0,
    startedAt: now,
    updatedAt: now,
    deadlineAt,
  };
}

const reservationAfter: Record<StockMovement, ReservationChange['state']> = {
  reserve: 'open',
  ship: 'shipped',
  release: 'released',
};

/** The sagas and the stock of one transaction as they change from step to step. */
class WorkingSet {
  readonly sagas: Map<string, Saga>;
  readonly stock: Map<string, Stock>;
  readonly now: Date;
  readonly #known: ReadonlyMap<string, Saga>;
  readonly #touched = new Set<string>();
  readonly #movedSkus = new Set<string>();
  readonly #reservations = new Map<string, ReservationChange>();
  readonly #announcements: OutboxRow[] = [];

  constructor(sagas: ReadonlyMap<string, Saga>, stock: ReadonlyMap<string, Stock>, now: Date) {
    this.sagas = new Map(sagas);
    this.stock = new Map(stock);
    this.now = now;
    this.#known = sagas;
  }

  take(saga: Saga, event: SagaEvent): StepResult {
    const step = advance(saga, event, this.now);
    if (!step) return { saga, advanced: false };
    const { orderId } = saga.order;
    if (step.stock) this.#moveStock(saga.order, step.stock);
    const messages = announcementsOf(step.saga, step.announce, this.now);
    this.#announcements.push(...messages.map(toOutboxRow));
    const after = { ...step.saga, eventSequence: step.saga.eventSequence + messages.length };
    this.sagas.set(orderId, after);
    this.#touched.add(orderId);
    return { saga: after, advanced: true };
  }

  changes() {
    const touched = [...this.#touched].map((orderId) => this.sagas.get(orderId) as Saga);
    return {
      created: touched.filter(({ order }) => !this.#known.has(order.orderId)),
      updated: touched.filter(({ order }) => this.#known.has(order.orderId)),
      stock: [...this.#movedSkus].map((sku) => this.stock.get(sku) as Stock),
      reservations: [...this.#reservations.values()],
      announcements: this.#announcements,
      at: this.now,
    };
  }

  #moveStock(order: OrderToProcess, movement: StockMovement): void {
    const lines = stockLinesOf(order);
    for (const moved of move(this.stock, lines, movement)) {
      this.stock.set(moved.sku, moved);
      this.#movedSkus.add(moved.sku);
    }
    const { orderId } = order;
    this.#reservations.set(orderId, { orderId, lines, state: reservationAfter[movement] });
  }
}
