import type { OutboxRow } from '#shared/outbox/outbox-message.ts';
import type { Order, OrderState, OrderStatus } from '../../domain/order.ts';
import type { OrderEvent } from '../../domain/order-events.ts';
import type { IdempotencyRecord } from './idempotency-records.ts';

/** Who caused something and as part of what. */
export interface Cause {
  readonly actor: string;
  readonly correlationId: string;
  readonly traceparent: string;
}

/** An event as the history keeps it. `version` is its place in the order's history, from 1. */
export interface RecordedEvent extends Cause {
  readonly orderId: string;
  readonly version: number;
  readonly event: OrderEvent;
  readonly at: Date;
  /** Whose order it is, and its status after the event: for those who are told of it. */
  readonly customerId: string;
  readonly status: OrderStatus;
}

/** An event with the order as it is after it. */
export function recordedEvent(order: OrderState, event: OrderEvent, cause: Cause): RecordedEvent {
  const { id: orderId, version, customerId, status, updatedAt: at } = order;
  return { orderId, version, event, at, customerId, status, ...cause };
}

/** That a message was taken account of, and how. */
export interface ReceivedMessage {
  readonly messageId: string;
  readonly orderId: string;
  readonly type: string;
  readonly sequence: number;
  readonly outcome: string;
  readonly at: Date;
}

export interface Placement {
  readonly order: Order;
  readonly history: RecordedEvent;
  readonly announcement: OutboxRow;
  /** For a request that may be repeated. */
  readonly record?: IdempotencyRecord | undefined;
}

/** A change that was decided on the version before the order's. */
export interface Revision {
  readonly order: Order;
  readonly history: RecordedEvent;
  readonly announcements: readonly OutboxRow[];
  /** For a request that may be repeated. */
  readonly record?: IdempotencyRecord | undefined;
}

/** Something an operator did about an order, as the processor-service reported it. */
export interface OperatorAction {
  readonly messageId: string;
  readonly orderId: string;
  readonly action: string;
  readonly operator: string;
  readonly detail: Readonly<Record<string, unknown>>;
  readonly at: Date;
}

/** What one transaction over several orders leaves behind. */
export interface OrderChanges<Result> {
  readonly orders: readonly OrderState[];
  readonly history: readonly RecordedEvent[];
  readonly received: readonly ReceivedMessage[];
  readonly result: Result;
}

export interface OrderQuery {
  readonly customerId?: string | undefined;
  readonly status?: OrderStatus | undefined;
  /** Only orders older than this one. */
  readonly before?: string | undefined;
  readonly limit: number;
}

/** One thing that happened to an order, as its timeline shows it. */
export interface TimelineEntry {
  readonly at: Date;
  /**
   * `history`: the order changed; `published` and `received`: a message left or arrived; `waiting`: one is to leave;
   * `operator`: somebody intervened.
   */
  readonly kind: 'history' | 'published' | 'waiting' | 'received' | 'operator';
  readonly type: string;
  readonly detail: Readonly<Record<string, unknown>>;
}

/** Everything order_db does for the application. Every method may throw `DATABASE_UNAVAILABLE`. */
export interface OrderRepository {
  /**
   * Stores an order with its history, announcement and record: durable together once it resolves, or not at all.
   *
   * @throws AppError `IDEMPOTENCY_KEY_IN_USE` when the record's key has one by now.
   */
  place(placement: Placement): Promise<void>;
  /**
   * Locks the orders with these ids, lets `decide` say what happens to them, and stores that in the same transaction.
   * `decide` is pure: it may run again when the transaction lost against another one.
   */
  change<Result>(
    ids: readonly string[],
    decide: (orders: ReadonlyMap<string, OrderState>) => OrderChanges<Result>,
  ): Promise<Result>;
  /**
   * Stores a change with its history and announcements, if nothing else has changed the order since it was read.
   *
   * @throws AppError `CONCURRENT_UPDATE` when something has, `IDEMPOTENCY_KEY_IN_USE` when the record's key has one by
   * now: then nothing is stored.
   */
  revise(revision: Revision): Promise<void>;
  /** Keeps what an operator did; the same message again changes nothing. */
  recordAction(action: OperatorAction): Promise<void>;
  find(id: string): Promise<Order | undefined>;
  /** Those there are, in any order. */
  findMany(ids: readonly string[]): Promise<readonly Order[]>;
  /** Which of these messages were taken account of. */
  received(messageIds: readonly string[]): Promise<readonly string[]>;
  /** Newest first. */
  list(query: OrderQuery): Promise<readonly Order[]>;
  /** Oldest first; empty for an order that does not exist. */
  timeline(id: string): Promise<readonly TimelineEntry[]>;
}
