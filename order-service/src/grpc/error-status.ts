import { status as grpcStatus, Metadata, type StatusObject } from '@grpc/grpc-js';
import { retryAfterSecondsOf, toProblem } from '#shared/http/problem.ts';
import type { AppError, ErrorCode } from '#shared/kernel/errors.ts';
import type { Any } from './protobuf/google/protobuf/any.ts';
import {
  BadRequest,
  ErrorInfo,
  PreconditionFailure,
  RetryInfo,
} from './protobuf/google/rpc/error_details.ts';
import { Status } from './protobuf/google/rpc/status.ts';
import { toRequestField } from './request-fields.ts';

const {
  ABORTED,
  ALREADY_EXISTS,
  FAILED_PRECONDITION,
  INTERNAL,
  INVALID_ARGUMENT,
  NOT_FOUND,
  OUT_OF_RANGE,
  PERMISSION_DENIED,
  RESOURCE_EXHAUSTED,
  UNAUTHENTICATED,
  UNAVAILABLE,
} = grpcStatus;

/** The one place where an error code becomes a gRPC status. ABORTED: look at it again, and decide anew. */
const statuses: Record<ErrorCode, grpcStatus> = {
  VALIDATION_FAILED: INVALID_ARGUMENT,
  INVALID_CURSOR: INVALID_ARGUMENT,
  UNAUTHENTICATED,
  FORBIDDEN: PERMISSION_DENIED,
  NOT_THE_OWNER: PERMISSION_DENIED,
  IDENTITY_UNAVAILABLE: UNAVAILABLE,
  VERSION_NOT_REACHED: OUT_OF_RANGE,
  TOO_MANY_WATCHERS: RESOURCE_EXHAUSTED,
  ORDER_NOT_FOUND: NOT_FOUND,
  SKU_NOT_FOUND: NOT_FOUND,
  MESSAGE_NOT_FOUND: NOT_FOUND,
  QUEUE_NOT_FOUND: NOT_FOUND,
  SAGA_NOT_FOUND: NOT_FOUND,
  REPLAY_RUN_NOT_FOUND: NOT_FOUND,
  WEBHOOK_NOT_FOUND: NOT_FOUND,
  DELIVERY_NOT_FOUND: NOT_FOUND,
  WEBHOOK_URL_REFUSED: INVALID_ARGUMENT,
  TOO_MANY_WEBHOOKS: FAILED_PRECONDITION,
  WEBHOOK_DISABLED: FAILED_PRECONDITION,
  TOO_MANY_REQUESTS: RESOURCE_EXHAUSTED,
  IDEMPOTENCY_KEY_REUSED: FAILED_PRECONDITION,
  IDEMPOTENCY_KEY_IN_USE: ABORTED,
  PRECONDITION_FAILED: ABORTED,
  CONCURRENT_UPDATE: ABORTED,
  ORDER_STATE_CONFLICT: FAILED_PRECONDITION,
  ORDER_ALREADY_PAID: FAILED_PRECONDITION,
  PAYMENT_IS_AUTOMATIC: FAILED_PRECONDITION,
  REFUND_TOO_LARGE: FAILED_PRECONDITION,
  REFUND_ID_REUSED: ALREADY_EXISTS,
  TOO_MANY_REFUNDS: FAILED_PRECONDITION,
  SAGA_NOT_RESUMABLE: FAILED_PRECONDITION,
  REPLAY_RUN_CONFLICT: FAILED_PRECONDITION,
  EDIT_REFUSED: FAILED_PRECONDITION,
  REPLAY_REFUSED: FAILED_PRECONDITION,
  SAGA_BUSY: FAILED_PRECONDITION,
  MALFORMED_MESSAGE: INVALID_ARGUMENT,
  UNSUPPORTED_MESSAGE: INVALID_ARGUMENT,
  POISON_MESSAGE: INVALID_ARGUMENT,
  EVENT_OUT_OF_ORDER: INVALID_ARGUMENT,
  BROKER_UNAVAILABLE: UNAVAILABLE,
  PUBLISH_RETURNED: UNAVAILABLE,
  PUBLISH_REFUSED: UNAVAILABLE,
  PUBLISH_UNCONFIRMED: UNAVAILABLE,
  QUEUE_BUSY: UNAVAILABLE,
  DATABASE_UNAVAILABLE: UNAVAILABLE,
  PAYMENT_UNAVAILABLE: UNAVAILABLE,
  PAYMENT_OUTCOME_UNKNOWN: UNAVAILABLE,
  PAYMENT_PROTOCOL_ERROR: INTERNAL,
  SHUTTING_DOWN: UNAVAILABLE,
  INTERNAL,
};

/** Where the rich error model puts its details. */
export const detailsKey = 'grpc-status-details-bin';

const domain = 'oms';

/**
 * A status goes back as header fields, of which many clients take 8 KB: with more, they give up the connection, and all
 * calls on it.
 */
const mostViolations = 10;
const longestText = 100;
const longestMessage = 500;

/**
 * The status of an error, with details (google.rpc.Status) for programs: always an ErrorInfo, and what else fits. Of our
 * own failures it tells the title and nothing else.
 *
 * @param subject what the request was about, such as the id of an order; empty if about nothing in particular
 */
export function toGrpcStatus(
  error: AppError,
  request: { subject: string; correlationId: string },
): StatusObject {
  const { subject, correlationId } = request;
  const code = statuses[error.code];
  const problem = toProblem(error, { instance: '', correlationId });
  const { title, detail, errors, allowed, scope } = problem;
  const violations = violationsOf(error, errors).slice(0, mostViolations);
  const summary =
    violations.length > 0
      ? violations.map(({ field, description }) => `${field || 'request'}: ${description}`).join('; ')
      : (detail ?? title);
  const message = shortened(summary, longestMessage);

  const info = ErrorInfo.encode({
    reason: error.code,
    domain,
    metadata: {
      correlation_id: correlationId,
      ...(allowed ? { allowed: allowed.join(',') } : {}),
      ...(scope ? { scope } : {}),
    },
  });
  const details = [packed('ErrorInfo', info)];
  if (violations.length > 0) {
    details.push(packed('BadRequest', BadRequest.encode({ fieldViolations: violations })));
  }
  if (code === FAILED_PRECONDITION) {
    const violation = { type: error.code, subject, description: message };
    details.push(packed('PreconditionFailure', PreconditionFailure.encode({ violations: [violation] })));
  }
  const retryAfterSeconds = retryAfterSecondsOf(problem);
  if (retryAfterSeconds !== undefined) {
    const retryDelay = { seconds: BigInt(retryAfterSeconds), nanos: 0 };
    details.push(packed('RetryInfo', RetryInfo.encode({ retryDelay })));
  }

  const metadata = new Metadata();
  metadata.set(detailsKey, Buffer.from(Status.encode({ code, message, details }).finish()));
  return { code, details: message, metadata };
}

function violationsOf(error: AppError, errors: readonly { field: string; message: string }[] = []) {
  if (error.code === 'INVALID_CURSOR') return [{ field: 'page_token', description: error.message }];
  return errors.map(({ field, message }) => ({
    field: shortened(toRequestField(field), longestText),
    description: shortened(message, longestText),
  }));
}

function shortened(text: string, most: number): string {
  // The cut may have gone through a character of two halves, which no header can hold.
  return text.length > most ? `${text.slice(0, most).toWellFormed()}…` : text;
}

function packed(name: string, message: { finish(): Uint8Array }): Any {
  return { typeUrl: `type.googleapis.com/google.rpc.${name}`, value: Buffer.from(message.finish()) };
}
