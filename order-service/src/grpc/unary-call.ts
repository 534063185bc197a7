import { type handleUnaryCall, Metadata, type ServerUnaryCall, status } from '@grpc/grpc-js';
import type { Authenticate } from '#shared/auth/authenticate.ts';
import { type Caller, requireScope, type Scope } from '#shared/auth/caller.ts';
import { type AppError, toAppError } from '#shared/kernel/errors.ts';
import { correlationHeader, correlationIdFrom } from '#shared/observability/correlation-id.ts';
import type { Logger } from '#shared/observability/logger.ts';
import { isTraceparent, newTraceparent } from '#shared/observability/trace-context.ts';
import type { Once } from '../application/idempotency.ts';
import { toGrpcStatus } from './error-status.ts';

/** Key of the trailing metadata that says that the answer was given before. */
export const replayedKey = 'idempotent-replayed';

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

type UnaryCall = Pick<ServerUnaryCall<unknown, unknown>, 'metadata' | 'cancelled' | 'on'>;

export type UnaryMethod<Request, Response> = (request: Request, context: CallContext) => Promise<Response>;

/**
 * Serves a method to callers who have the scope: identifies the call, answers errors as a status with details, and stops
 * the work when nobody waits for it any more.
 */
export function serveUnary<Request, Response>(
  method: UnaryMethod<Request, Response>,
  dependencies: { access: Scope; authenticate: Authenticate; logger: Logger },
): handleUnaryCall<Request, Response> {
  const { access, authenticate, logger } = dependencies;
  return (call, callback) => {
    const correlationId = correlationIdFrom(call.metadata.get(correlationHeader)[0]);
    const initial = new Metadata();
    initial.set(correlationHeader, correlationId);
    call.sendMetadata(initial);
    const signal = cancellationOf(call);

    const answer = async (): Promise<void> => {
      try {
        const caller = await authenticate(textOf(call, 'authorization'));
        requireScope(caller, access);
        signal.throwIfAborted();
        const context = contextOf(call, { caller, correlationId, signal });
        const response = await method(call.request, context);
        callback(null, response, context.trailer);
      } catch (thrown) {
        // grpc-js has told the caller why, if there still is one.
        if (signal.aborted && thrown === signal.reason) return;
        const error = toAppError(thrown);
        const refusal = toGrpcStatus(error, { subject: subjectOf(call.request), correlationId });
        report(error, refusal.code, { method: call.getPath(), correlationId });
        if (error.data['replayed'] === true) refusal.metadata.set(replayedKey, 'true');
        callback(refusal);
      }
    };
    void answer();
  };

  function report(error: AppError, code: status, facts: { method: string; correlationId: string }): void {
    if (code === status.UNAVAILABLE) logger.warn({ err: error, ...facts }, 'call failed');
    if (code === status.INTERNAL) logger.error({ err: error, ...facts }, 'call failed');
  }
}

function contextOf(
  call: UnaryCall,
  known: Pick<CallContext, 'caller' | 'correlationId' | 'signal'>,
): CallContext {
  const traceparent = textOf(call, 'traceparent');
  const key = textOf(call, 'idempotency-key');
  return {
    ...known,
    traceparent: isTraceparent(traceparent) ? traceparent : newTraceparent(),
    once: key === undefined ? undefined : { caller: known.caller.subject, key: key.replaceAll('"', '') },
    trailer: new Metadata(),
  };
}

function cancellationOf(call: UnaryCall): AbortSignal {
  const controller = new AbortController();
  call.on('cancelled', () => controller.abort());
  if (call.cancelled) controller.abort();
  return controller.signal;
}

function textOf({ metadata }: UnaryCall, name: string): string | undefined {
  const [value] = metadata.get(name);
  return value === undefined ? undefined : String(value);
}

function subjectOf(request: unknown): string {
  const { orderId } = request as { orderId?: string };
  return orderId ? `orders/${orderId}` : '';
}
