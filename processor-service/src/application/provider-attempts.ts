import { type Backoff, backoffDelay } from '#shared/kernel/backoff.ts';
import type { Clock } from '#shared/kernel/clock.ts';
import { type AppError, toAppError } from '#shared/kernel/errors.ts';
import type { Saga } from '../domain/saga.ts';
import type { SagaEvent } from '../domain/saga-events.ts';
import type { Trouble } from '../domain/saga-failure.ts';

export type AttemptOutcome<Result> =
  | { readonly outcome: 'done'; readonly result: Result }
  /** Worth another try, which the event arranges. */
  | { readonly outcome: 'failed'; readonly event: Extract<SagaEvent, { type: 'attemptFailed' }> }
  /** No repetition helps, or there were enough of them. */
  | { readonly outcome: 'hopeless'; readonly trouble: Trouble; readonly error: AppError };

/** Makes an attempt at what a saga owes, and says what its failure means for the saga. Never throws. */
export type AttemptFor = <Result>(
  saga: Saga,
  attempt: () => Promise<Result>,
) => Promise<AttemptOutcome<Result>>;

/**
 * @param limit how many attempts may fail; those that were not made because the provider is known to be away do not count
 */
export function createAttempts(options: { clock: Clock; backoff: Backoff; limit: number }): AttemptFor {
  const { clock, backoff, limit } = options;
  return async (saga, attempt) => {
    try {
      return { outcome: 'done', result: await attempt() };
    } catch (thrown) {
      const error = toAppError(thrown);
      const now = clock();
      const trouble = { code: error.code, message: error.message, at: now.toISOString() };
      const counts = error.kind !== 'unavailable';
      if (error.kind === 'permanent' || (counts && saga.attempts + 1 >= limit)) {
        return { outcome: 'hopeless', trouble, error };
      }
      const retryAt = new Date(now.getTime() + backoffDelay(backoff, saga.attempts + 1));
      return { outcome: 'failed', event: { type: 'attemptFailed', run: saga.run, trouble, retryAt, counts } };
    }
  };
}
