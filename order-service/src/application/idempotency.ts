import { v5 } from 'uuid';
import type { IdempotencyScope } from '#shared/idempotency/answered-requests.ts';
import { fingerprintOf } from '#shared/idempotency/fingerprint.ts';
import { keyInUse, keyReused } from '#shared/idempotency/refusals.ts';
import type { Clock } from '#shared/kernel/clock.ts';
import { AppError } from '#shared/kernel/errors.ts';
import { newId } from '#shared/kernel/ids.ts';
import type { Order } from '../domain/order.ts';
import {
  type IdempotencyRecord,
  type IdempotencyRecords,
  type Outcome,
} from './ports/idempotency-records.ts';

/** By what a caller will know a request again. */
export interface Once {
  readonly caller: string;
  readonly key: string;
}

export interface Answer {
  readonly order: Order;
  /** Whether it was answered before, and nothing was done now. */
  readonly replayed: boolean;
}

/** What is to be stored together with the change that it speaks of. */
export type RecordOf = (order: Order) => IdempotencyRecord;

/** The work; `isRecorded` says that the order was stored with its record. */
export type Work = (recordOf?: RecordOf) => Promise<{ order: Order; isRecorded: boolean }>;

/**
 * Runs the work of a request at most once for a key, and answers every repetition as it answered the first time. Errors
 * that were decided (kind `rejected`) are answers, too, and carry `replayed` in their data when they are repeated; any
 * other error leaves no trace, and the request may come again.
 *
 * @throws AppError `IDEMPOTENCY_KEY_REUSED` for another request with the key, `IDEMPOTENCY_KEY_IN_USE` while the first
 * is under way, and whatever the work throws.
 */
export type RunOnce = (request: IdempotentRequest, work: Work) => Promise<Answer>;

export interface IdempotentRequest {
  readonly operation: string;
  readonly once: Once | undefined;
  /** Everything that makes the request what it is. */
  readonly input: unknown;
  /** Whether the work notices by itself, when it stores its outcome, that the key is taken. */
  readonly isSelfChecking?: boolean;
}

const idNamespace = '5f0f9d0e-6c0e-4b7a-9a58-0d6a3c1c9a51';

/** @param ttlMs how long a key stands for its request */
export function createRunOnce(dependencies: {
  records: IdempotencyRecords;
  clock: Clock;
  ttlMs: number;
}): RunOnce {
  const { records, clock, ttlMs } = dependencies;
  const underWay = new Set<string>();

  function recordFor(scope: IdempotencyScope, fingerprint: string, outcome: Outcome): IdempotencyRecord {
    const createdAt = clock();
    return { ...scope, fingerprint, outcome, createdAt, expiresAt: new Date(createdAt.getTime() + ttlMs) };
  }

  async function runFirst(
    scope: IdempotencyScope,
    { isSelfChecking = false }: IdempotentRequest,
    fingerprint: string,
    work: Work,
  ): Promise<Answer> {
    const known = isSelfChecking ? undefined : await records.find(scope, clock());
    if (known) return replay(known, fingerprint);
    const recordOf: RecordOf = (order) => recordFor(scope, fingerprint, { order });
    try {
      const { order, isRecorded } = await work(recordOf);
      if (!isRecorded) await records.add(recordOf(order));
      return { order, replayed: false };
    } catch (error) {
      if (isWorthKeeping(error)) {
        const { code, kind, message, data } = error;
        await records.add(recordFor(scope, fingerprint, { error: { code, kind, message, data } }));
      }
      throw error;
    }
  }

  return async (request, work) => {
    const { operation, once, input } = request;
    if (!once) return { order: (await work()).order, replayed: false };
    const scope = { ...once, operation };
    const id = JSON.stringify([scope.caller, operation, scope.key]);
    if (underWay.has(id)) throw keyInUse();
    underWay.add(id);
    try {
      const fingerprint = fingerprintOf(input);
      return await runFirst(scope, request, fingerprint, work).catch(async (error: unknown) => {
        // Another process was faster, and has answered by now.
        const known = isKeyInUse(error) ? await records.find(scope, clock()) : undefined;
        if (!known) throw error;
        return replay(known, fingerprint);
      });
    } finally {
      underWay.delete(id);
    }
  };
}

/**
 * The id of a refund: the caller's own, or one that his key stands for, for ever. All that is left may be asked for without
 * either, for there is nothing left the second time.
 *
 * @throws AppError `VALIDATION_FAILED` for a part of the money that a repetition would give back twice.
 */
export function refundIdFor(
  { refundId, amountMinor }: { refundId?: string | undefined; amountMinor?: number | undefined },
  once: Once | undefined,
): string {
  if (refundId !== undefined) return refundId;
  if (once) return v5(JSON.stringify([once.caller, once.key]), idNamespace);
  if (amountMinor === undefined) return newId();
  const message =
    'is required with an amount and without an idempotency key: a repetition would refund twice';
  throw new AppError({
    code: 'VALIDATION_FAILED',
    kind: 'rejected',
    message: `refundId: ${message}`,
    data: { errors: [{ field: 'refundId', message }] },
  });
}

function replay({ fingerprint, outcome }: IdempotencyRecord, asked: string): Answer {
  if (fingerprint !== asked) throw keyReused();
  if ('order' in outcome) return { order: outcome.order, replayed: true };
  const { data, ...error } = outcome.error;
  throw new AppError({ ...error, data: { ...data, replayed: true } });
}

/** What is wrong with a request whatever the state of things can be told again at any time. */
function isWorthKeeping(error: unknown): error is AppError {
  return (
    error instanceof AppError &&
    error.kind === 'rejected' &&
    error.code !== 'VALIDATION_FAILED' &&
    error.code !== 'IDEMPOTENCY_KEY_REUSED' &&
    error.data['replayed'] !== true
  );
}

function isKeyInUse(error: unknown): boolean {
  return error instanceof AppError && error.code === 'IDEMPOTENCY_KEY_IN_USE';
}
