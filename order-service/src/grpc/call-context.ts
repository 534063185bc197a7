import {
  Metadata,
  type ServerUnaryCall,
  type ServerWritableStream,
  type StatusObject,
  status,
} from '@grpc/grpc-js';
import type { Authenticate } from '#shared/auth/authenticate.ts';
import { type Caller, nobody, requireScope, type Scope } from '#shared/auth/caller.ts';
import { type RateLimiter, tooManyRequests } from '#shared/auth/rate-limiter.ts';
import { idempotencyKeyHeader, idempotencyKeyOf, replayedHeader } from '#shared/idempotency/key.ts';
import { toAppError } from '#shared/kernel/errors.ts';
import { correlationHeader, correlationIdFrom } from '#shared/observability/correlation-id.ts';
import type { Logger } from '#shared/observability/logger.ts';
import { isTraceparent, newTraceparent } from '#shared/observability/trace-context.ts';
import { failSpanAtHand } from '#shared/observability/tracing.ts';
import type { Once } from '../application/idempotency.ts';
import { toGrpcStatus } from './error-status.ts';
import { parse } from './request-fields.ts';

/** What a method knows about its call beside the request. */
export interface CallContext {
  readonly caller: Caller;
  readonly correlationId: string;
  readonly traceparent: string;
  /** How the caller wants to be able to repeat the call, if he does. */
  readonly once: Once | undefined;
  /** What goes back after the response. */
  readonly trailer: Metadata;
  /** Aborted when the caller is gone or its deadline has passed. */
  readonly signal: AbortSignal;
}

/** What serving any method takes. */
export interface ServingDependencies {
  /** The scope that callers need. */
  readonly access: Scope;
  readonly authenticate: Authenticate;
  readonly rateLimiter: RateLimiter;
  readonly logger: Logger;
}

/** Of what is our fault. */
const failureLevels: ReadonlyMap<status, 'warn' | 'error'> = new Map([
  [status.UNAVAILABLE, 'warn'],
  [status.INTERNAL, 'error'],
]);

type Call = ServerUnaryCall<unknown, unknown> | ServerWritableStream<unknown, unknown>;

/** A call that somebody has made, whoever it is. */
export interface Arrival {
  readonly correlationId: string;
  /** Aborts when the caller is gone or its deadline has passed. */
  readonly ending: AbortController;
}

/** Tells the caller the correlation id of the call, and watches for its end. */
export function receive(call: Call): Arrival {
  const correlationId = correlationIdFrom(call.metadata.get(correlationHeader)[0]);
  const initial = new Metadata();
  initial.set(correlationHeader, correlationId);
  call.sendMetadata(initial);
  const ending = new AbortController();
  call.on('cancelled', () => ending.abort());
  if (call.cancelled) ending.abort();
  return { correlationId, ending };
}

/**
 * Lets a call in.
 *
 * @throws AppError `TOO_MANY_REQUESTS`, `UNAUTHENTICATED`, `FORBIDDEN`, `IDENTITY_UNAVAILABLE`, `VALIDATION_FAILED` when
 * the idempotency key cannot be one; the signal's reason when the caller is gone.
 */
export async function admit(
  call: Call,
  { correlationId, ending: { signal } }: Arrival,
  { access, authenticate, rateLimiter }: ServingDependencies,
): Promise<CallContext> {
  const caller = await callerOf(call, authenticate, rateLimiter);
  requireScope(caller, access);
  signal.throwIfAborted();
  const traceparent = textOf(call, 'traceparent');
  const key = keyOf(call);
  return {
    caller,
    correlationId,
    traceparent: isTraceparent(traceparent) ? traceparent : newTraceparent(),
    once: key === undefined ? undefined : { caller: caller.subject, key },
    trailer: new Metadata(),
    signal,
  };
}

async function callerOf(call: Call, authenticate: Authenticate, rateLimiter: RateLimiter): Promise<Caller> {
  const shown = await authenticate(textOf(call, 'authorization')).then(
    (caller) => ({ caller }),
    // Who shows no token, or a wrong one, is counted by his address.
    (refusal: unknown) => ({ caller: nobody, refusal }),
  );
  const standing = await rateLimiter.count(shown.caller, hostOf(call));
  if (standing.isExceeded) throw tooManyRequests(rateLimiter.rate, standing);
  if ('refusal' in shown) throw shown.refusal;
  return shown.caller;
}

function hostOf(call: Call): string {
  return call.getPeer().replace(/:\d+$/, '');
}

/**
 * The status that refuses a call because of what was thrown. Failures of ours are logged; that watchers are let go when the
 * process stops is none.
 */
export function refusalFor(
  thrown: unknown,
  call: Call,
  { correlationId }: Arrival,
  { logger }: ServingDependencies,
): StatusObject {
  const error = toAppError(thrown);
  const refusal = toGrpcStatus(error, { subject: subjectOf(call.request), correlationId });
  const level = error.code === 'SHUTTING_DOWN' ? undefined : failureLevels.get(refusal.code);
  if (level) {
    failSpanAtHand(error);
    logger[level]({ err: error, method: call.getPath(), correlationId }, 'call failed');
  }
  if (error.data['replayed'] === true) refusal.metadata.set(replayedHeader, 'true');
  return refusal;
}

function keyOf(call: Call): string | undefined {
  return idempotencyKeyOf(
    parse(idempotencyKeyHeader, { 'idempotency-key': textOf(call, 'idempotency-key') }),
  );
}

/** Several values are one list, as in HTTP. */
function textOf({ metadata }: Call, name: string): string | undefined {
  const values = metadata.get(name);
  return values.length === 0 ? undefined : values.join(', ');
}

function subjectOf(request: unknown): string {
  const { orderId } = request as { orderId?: string };
  return orderId ? `orders/${orderId}` : '';
}
