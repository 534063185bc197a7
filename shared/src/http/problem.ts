import { z } from 'zod';
import type { AppError, ErrorCode } from '../kernel/errors.ts';

export const problemContentType = 'application/problem+json';

/** RFC 9457 problem details; `code` is stable and meant for programs, `detail` for people. */
export const problemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    code: z.string(),
    detail: z.string().optional(),
    instance: z.string().optional(),
    correlationId: z.string().optional(),
    errors: z.array(z.object({ field: z.string(), message: z.string() })).optional(),
    allowed: z.array(z.string()).optional().describe('States in which it would have been possible'),
    scope: z.string().optional().describe('The scope that the token lacks'),
    retryAfterSeconds: z.int().optional().describe('What Retry-After says'),
  })
  .meta({ id: 'Problem' });
export type Problem = z.infer<typeof problemSchema>;

/** Declares, for a route's response schemas, with which statuses it may answer a problem. */
export function problems<const Status extends number>(...statuses: Status[]) {
  const response = {
    description: 'Problem details, RFC 9457',
    content: { [problemContentType]: { schema: problemSchema } },
  };
  return Object.fromEntries(statuses.map((status) => [status, response])) as Record<Status, typeof response>;
}

const internal = { status: 500, title: 'Something went wrong on our side' } as const;
const badMessage = { status: 422, title: 'The message cannot be used' } as const;
const brokerTrouble = { status: 503, title: 'The message broker is not available' } as const;

/** The one place where an error code becomes an HTTP status. */
const answers: Record<ErrorCode, { status: number; title: string }> = {
  VALIDATION_FAILED: { status: 400, title: 'The request is not valid' },
  INVALID_CURSOR: { status: 400, title: 'The cursor is not valid' },
  UNAUTHENTICATED: { status: 401, title: 'A valid access token is needed' },
  FORBIDDEN: { status: 403, title: 'The access token does not allow this' },
  NOT_THE_OWNER: { status: 403, title: 'Only its owner may do this' },
  IDENTITY_UNAVAILABLE: { status: 503, title: 'Access tokens cannot be verified now' },
  TOO_MANY_REQUESTS: { status: 429, title: 'Too many requests' },
  IDEMPOTENCY_KEY_REUSED: { status: 422, title: 'The idempotency key stands for another request' },
  IDEMPOTENCY_KEY_IN_USE: { status: 409, title: 'The first request with this key is still under way' },
  ORDER_NOT_FOUND: { status: 404, title: 'There is no such order' },
  VERSION_NOT_REACHED: { status: 400, title: 'The order has no such version yet' },
  SKU_NOT_FOUND: { status: 404, title: 'There is no such SKU' },
  MESSAGE_NOT_FOUND: { status: 404, title: 'There is no such message' },
  QUEUE_NOT_FOUND: { status: 404, title: 'There is no such queue' },
  SAGA_NOT_FOUND: { status: 404, title: 'There is no such saga' },
  REPLAY_RUN_NOT_FOUND: { status: 404, title: 'There is no such replay' },
  WEBHOOK_NOT_FOUND: { status: 404, title: 'There is no such webhook' },
  DELIVERY_NOT_FOUND: { status: 404, title: 'There is no such delivery' },
  WEBHOOK_URL_REFUSED: { status: 422, title: 'Nothing can be sent to this URL' },
  PRECONDITION_FAILED: { status: 412, title: 'It has changed meanwhile' },
  ORDER_STATE_CONFLICT: { status: 409, title: 'The order does not allow this now' },
  ORDER_ALREADY_PAID: { status: 409, title: 'The order is paid; refund it instead' },
  PAYMENT_IS_AUTOMATIC: { status: 409, title: 'The order is paid without being asked to' },
  REFUND_TOO_LARGE: { status: 409, title: 'More than what can still be refunded' },
  REFUND_ID_REUSED: { status: 409, title: 'The refund id stands for another refund' },
  TOO_MANY_REFUNDS: { status: 409, title: 'The order has too many refunds' },
  TOO_MANY_WEBHOOKS: { status: 409, title: 'There are too many webhooks' },
  WEBHOOK_DISABLED: { status: 409, title: 'The webhook is disabled' },
  SAGA_NOT_RESUMABLE: { status: 409, title: 'The saga does not wait for anybody' },
  REPLAY_RUN_CONFLICT: { status: 409, title: 'The replay does not allow this now' },
  EDIT_REFUSED: { status: 422, title: 'The edited message cannot be sent' },
  REPLAY_REFUSED: { status: 409, title: 'The message has nowhere to go' },
  CONCURRENT_UPDATE: { status: 409, title: 'Another change came first' },
  MALFORMED_MESSAGE: badMessage,
  UNSUPPORTED_MESSAGE: badMessage,
  POISON_MESSAGE: badMessage,
  EVENT_OUT_OF_ORDER: badMessage,
  SAGA_BUSY: { status: 409, title: 'The saga is being undone' },
  BROKER_UNAVAILABLE: brokerTrouble,
  PUBLISH_RETURNED: brokerTrouble,
  PUBLISH_REFUSED: brokerTrouble,
  PUBLISH_UNCONFIRMED: brokerTrouble,
  QUEUE_BUSY: { status: 503, title: 'Somebody else is looking at the queue' },
  DATABASE_UNAVAILABLE: { status: 503, title: 'The database is not available' },
  PAYMENT_UNAVAILABLE: { status: 503, title: 'The payment provider is not available' },
  PAYMENT_OUTCOME_UNKNOWN: { status: 503, title: 'The payment provider did not answer' },
  PAYMENT_PROTOCOL_ERROR: internal,
  TOO_MANY_WATCHERS: { status: 503, title: 'Too many are watching already' },
  SHUTTING_DOWN: { status: 503, title: 'The service is shutting down' },
  INTERNAL: internal,
};

/** Seconds after which a client may come back with the same request; `undefined` where that is no use. */
export function retryAfterSecondsOf({ status, code, retryAfterSeconds }: Problem): number | undefined {
  if (retryAfterSeconds !== undefined) return retryAfterSeconds;
  if (code === 'IDEMPOTENCY_KEY_IN_USE') return 1;
  return status === 503 ? 2 : undefined;
}

/** The problem document of an error. Of our own failures it tells the title and nothing else. */
export function toProblem(error: AppError, request: { instance: string; correlationId: string }): Problem {
  const { status, title } = answers[error.code];
  const { errors, allowed, scope, retryAfterSeconds } = error.data as Partial<Problem>;
  return {
    type: `urn:problem:${error.code.toLowerCase().replaceAll('_', '-')}`,
    title,
    status,
    code: error.code,
    ...(status < 500 ? { detail: error.message } : {}),
    instance: request.instance,
    correlationId: request.correlationId,
    ...(errors ? { errors } : {}),
    ...(allowed ? { allowed } : {}),
    ...(scope ? { scope } : {}),
    ...(retryAfterSeconds ? { retryAfterSeconds } : {}),
  };
}

/** A problem that HTTP itself has with a request: too large, wrong media type, no such route. */
export function httpProblem(
  status: number,
  title: string,
  request: { instance: string; correlationId: string },
): Problem {
  return { type: 'about:blank', title, status, code: `HTTP_${status}`, ...request };
}
