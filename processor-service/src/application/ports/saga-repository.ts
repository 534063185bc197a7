import type { OutboxRow } from '#shared/outbox/outbox-message.ts';
import type { StockLine } from '../../domain/order-to-process.ts';
import type { Saga } from '../../domain/saga.ts';
import type { Stock, StockBySku } from '../../domain/stock.ts';

/** What the lines of one order are from now on. */
export interface ReservationChange {
  readonly orderId: string;
  readonly lines: readonly StockLine[];
  readonly state: 'open' | 'shipped' | 'released';
}

/** What one transaction over several sagas leaves behind. */
export interface SagaChanges<Result> {
  readonly created: readonly Saga[];
  readonly updated: readonly Saga[];
  readonly stock: readonly Stock[];
  readonly reservations: readonly ReservationChange[];
  readonly announcements: readonly OutboxRow[];
  readonly at: Date;
  readonly result: Result;
}

/** Everything processor_db does for sagas. Every method may throw `DATABASE_UNAVAILABLE`. */
export interface SagaRepository {
  /**
   * Locks the sagas of these orders and the stock of these SKUs, lets `decide` say what happens, and stores that in the
   * same transaction. `decide` is pure: it may run again when the transaction lost against another one.
   */
  change<Result>(
    scope: { orderIds: readonly string[]; skus: readonly string[] },
    decide: (sagas: ReadonlyMap<string, Saga>, stock: StockBySku) => SagaChanges<Result>,
  ): Promise<Result>;
  /** Sagas past their deadline, whose deadline it moves to `until` so that nobody else takes them up meanwhile. */
  takeOverdue(options: { now: Date; until: Date; limit: number }): Promise<readonly Saga[]>;
}
