import { AppError, type ErrorCode, type ErrorKind } from '#shared/kernel/errors.ts';
import type { Order } from '../../domain/order.ts';

/** Within which a key stands for one request: two callers may choose the same one. */
export interface IdempotencyScope {
  readonly caller: string;
  readonly operation: string;
  readonly key: string;
}

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

/** What everybody says of a key that somebody else has stored first, or is working on. */
export function keyInUse(): AppError {
  return new AppError({
    code: 'IDEMPOTENCY_KEY_IN_USE',
    kind: 'conflict',
    message: 'the first request with this idempotency key is still under way',
  });
}
