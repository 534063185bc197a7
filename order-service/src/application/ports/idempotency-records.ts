import type { IdempotencyScope } from '#shared/idempotency/answered-requests.ts';
import type { ErrorCode, ErrorKind } from '#shared/kernel/errors.ts';
import type { Order } from '../../domain/order.ts';

/** What was answered: the order as it was then, or the refusal that was decided. */
export type Outcome =
  | { readonly order: Order }
  | { readonly error: { code: ErrorCode; kind: ErrorKind; message: string; data: Record<string, unknown> } };

export interface IdempotencyRecord extends IdempotencyScope {
  /** Digest of the request. */
  readonly fingerprint: string;
  readonly outcome: Outcome;
  readonly createdAt: Date;
  readonly expiresAt: Date;
}

export interface IdempotencyRecords {
  /** `undefined` also for one that has expired by `now`, which is forgotten. @throws AppError `DATABASE_UNAVAILABLE`. */
  find(scope: IdempotencyScope, now: Date): Promise<IdempotencyRecord | undefined>;
  /**
   * Keeps what was decided without changing an order; what an order's change leaves behind is stored with it.
   *
   * @throws AppError `IDEMPOTENCY_KEY_IN_USE` when there is one by now, `DATABASE_UNAVAILABLE`.
   */
  add(record: IdempotencyRecord): Promise<void>;
  /** Deletes some of those that have expired by `now`; answers how many. @throws AppError `DATABASE_UNAVAILABLE`. */
  deleteExpired(now: Date, limit: number): Promise<number>;
}
