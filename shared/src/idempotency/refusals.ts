import { AppError } from '../kernel/errors.ts';

/** What everybody says of a key that somebody else has stored first, or is working on. */
export function keyInUse(): AppError {
  return new AppError({
    code: 'IDEMPOTENCY_KEY_IN_USE',
    kind: 'conflict',
    message: 'the first request with this idempotency key is still under way',
  });
}

export function keyReused(): AppError {
  return new AppError({
    code: 'IDEMPOTENCY_KEY_REUSED',
    kind: 'rejected',
    message: 'the idempotency key stands for another request',
  });
}
