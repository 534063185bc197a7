import type { OutboxRow } from '#shared/outbox/outbox-message.ts';
import type { StockLine } from '../../domain/order-to-process.ts';
import type { Saga, SagaState } from '../../domain/saga.ts';
import type { Stock, StockBySku } from '../../domain/stock.ts';

/** What the lines of one order are from now on. */
export interface ReservationChange {
  readonly orderId: string;
  readonly lines: readonly StockLine[];
  readonly state: 'open' | 'shipped' | 'released' | 'returned';
}

/** What an operator did to a saga, for the audit and for the order's timeline. */
export interface Resumption {
  readonly orderId: string;
  readonly operator: string;
  readonly reason: string | undefined;
  /** The message that tells about it, by the number of its line in the audit. */
  readonly announce: (action: number) => OutboxRow;
}

/** What one transaction over several sagas leaves behind. */
export interface SagaChanges<Result> {
  readonly created: readonly Saga[];
  readonly updated: readonly Saga[];
  readonly stock: readonly Stock[];
  readonly reservations: readonly ReservationChange[];
  readonly announcements: readonly OutboxRow[];
  readonly resumptions: readonly Resumption[];
  readonly at: Date;
  readonly result: Result;
}

/** Which sagas to list: in the order of their orders' ids, newest first. */
export interface SagaQuery {
  /** `needs_attention` includes those with a refund that does. */
  readonly state?: SagaState | undefined;
  /** Only sagas of orders before this one. */
  readonly before?: string | undefined;
  readonly limit: number;
}

/** Everything processor_db does for sagas. Every method may throw `DATABASE_UNAVAILABLE`. */
export interface SagaRepository {
  /**
   * Locks the sagas of these orders and the stock of these SKUs and of those sagas, lets `decide` say what happens, and
   * stores that in the same transaction. `decide` is pure: it may run again when the transaction lost against another
   * one.
   */
  change<Result>(
    scope: { orderIds: readonly string[]; skus: readonly string[] },
    decide: (sagas: ReadonlyMap<string, Saga>, stock: StockBySku) => SagaChanges<Result>,
  ): Promise<Result>;
  find(orderId: string): Promise<Saga | undefined>;
  /** Those there are of these orders, in no order. */
  findAll(orderIds: readonly string[]): Promise<readonly Saga[]>;
  list(query: SagaQuery): Promise<readonly Saga[]>;
  /** Sagas past their deadline, whose deadline it moves to `until` so that nobody else takes them up meanwhile. */
  takeOverdue(options: { now: Date; until: Date; limit: number }): Promise<readonly Saga[]>;
}
