/**
 * Every reason for which something can be refused or fail, in one closed list. HTTP statuses, problem documents and
 * broker dispositions are derived from it elsewhere; none of them is known here.
 */
export type ErrorCode =
  // who asks
  | 'UNAUTHENTICATED'
  | 'FORBIDDEN'
  | 'NOT_THE_OWNER'
  | 'IDENTITY_UNAVAILABLE'
  // asked for something that cannot be
  | 'VALIDATION_FAILED'
  | 'ORDER_NOT_FOUND'
  | 'VERSION_NOT_REACHED'
  | 'SKU_NOT_FOUND'
  | 'MESSAGE_NOT_FOUND'
  | 'QUEUE_NOT_FOUND'
  | 'SAGA_NOT_FOUND'
  | 'REPLAY_RUN_NOT_FOUND'
  | 'WEBHOOK_NOT_FOUND'
  | 'DELIVERY_NOT_FOUND'
  | 'WEBHOOK_URL_REFUSED'
  | 'INVALID_CURSOR'
  | 'TOO_MANY_REQUESTS'
  | 'IDEMPOTENCY_KEY_REUSED'
  | 'IDEMPOTENCY_KEY_IN_USE'
  | 'PRECONDITION_FAILED'
  // asked for something that the state of things does not allow
  | 'ORDER_STATE_CONFLICT'
  | 'ORDER_ALREADY_PAID'
  | 'PAYMENT_IS_AUTOMATIC'
  | 'REFUND_TOO_LARGE'
  | 'REFUND_ID_REUSED'
  | 'TOO_MANY_REFUNDS'
  | 'TOO_MANY_WEBHOOKS'
  | 'WEBHOOK_DISABLED'
  | 'SAGA_NOT_RESUMABLE'
  | 'REPLAY_RUN_CONFLICT'
  | 'EDIT_REFUSED'
  | 'REPLAY_REFUSED'
  // messages
  | 'MALFORMED_MESSAGE'
  | 'UNSUPPORTED_MESSAGE'
  | 'POISON_MESSAGE'
  | 'EVENT_OUT_OF_ORDER'
  | 'SAGA_BUSY'
  // broker
  | 'BROKER_UNAVAILABLE'
  | 'PUBLISH_RETURNED'
  | 'PUBLISH_REFUSED'
  | 'PUBLISH_UNCONFIRMED'
  | 'QUEUE_BUSY'
  // database
  | 'DATABASE_UNAVAILABLE'
  | 'CONCURRENT_UPDATE'
  // payment
  | 'PAYMENT_UNAVAILABLE'
  | 'PAYMENT_OUTCOME_UNKNOWN'
  | 'PAYMENT_PROTOCOL_ERROR'
  // ourselves
  | 'SHUTTING_DOWN'
  | 'TOO_MANY_WATCHERS'
  | 'INTERNAL';

/**
 * What may be done about an error.
 *
 * - `rejected`: the request itself is wrong; repeating it changes nothing.
 * - `conflict`: another change came first; the caller may look and try again.
 * - `transient`: this attempt failed, a later one may succeed; attempts are counted.
 * - `unavailable`: something that everyone needs is away; waiting is the cure and costs no attempt.
 * - `permanent`: no repetition will help and a person has to look.
 */
export type ErrorKind = 'rejected' | 'conflict' | 'transient' | 'unavailable' | 'permanent';

/** The one error type that crosses module boundaries. */
export class AppError extends Error {
  override readonly name = 'AppError';
  readonly code: ErrorCode;
  readonly kind: ErrorKind;
  /** Facts for the reader of a log or a problem document; never payloads or secrets. */
  readonly data: Readonly<Record<string, unknown>>;

  constructor(details: {
    code: ErrorCode;
    kind: ErrorKind;
    message: string;
    cause?: unknown;
    data?: Readonly<Record<string, unknown>>;
  }) {
    super(details.message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = details.code;
    this.kind = details.kind;
    this.data = details.data ?? {};
  }
}

/** Gives any thrown value the shape of an {@link AppError}; what is unknown counts as `transient` and `INTERNAL`. */
export function toAppError(thrown: unknown): AppError {
  if (thrown instanceof AppError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new AppError({ code: 'INTERNAL', kind: 'transient', message, cause: thrown });
}
