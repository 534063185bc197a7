import { type Metadata, type ServerInterceptor, ServerListenerBuilder, status } from '@grpc/grpc-js';
import { correlationHeader, correlationIdFrom } from '#shared/observability/correlation-id.ts';
import type { Logger } from '#shared/observability/logger.ts';
import { isTraceparent, newTraceparent, traceIdOf } from '#shared/observability/trace-context.ts';
import { beginSpan, isRecording, SpanKind, type WorkSpan } from '#shared/observability/tracing.ts';
import { beginWork, type Facts } from '#shared/observability/work-at-hand.ts';
import { untilEnd } from './call-ends.ts';

/**
 * Gives every call its correlation id and its trace, in the very metadata that the method reads, and tells each status in
 * one line. Probes and reflection have no spans, and lines for whoever debugs.
 */
export function createObserveCalls(logger: Logger): ServerInterceptor {
  return ({ path }, call) => {
    const isByMachine = path.startsWith('/grpc.');
    const start = performance.now();
    const facts: Facts = {};
    let traceparent = newTraceparent();
    let span: WorkSpan | undefined;

    function begin(metadata: Metadata): void {
      facts.correlationId = correlationIdFrom(metadata.get(correlationHeader)[0]);
      const [given] = metadata.get('traceparent');
      if (isTraceparent(given)) traceparent = given;
      if (isRecording() && !isByMachine) {
        span = beginServerSpan(path, isTraceparent(given) ? given : undefined);
        traceparent = span.traceparent ?? traceparent;
      }
      metadata.set(correlationHeader, facts.correlationId);
      metadata.set('traceparent', traceparent);
    }

    function end(code: status): void {
      span?.set({ 'rpc.response.status_code': status[code] });
      span?.end();
      const durationMs = Math.round(performance.now() - start);
      const line = { method: path, status: status[code], durationMs, ...facts };
      logger[isByMachine ? 'debug' : 'info']({ ...line, traceId: traceIdOf(traceparent) }, 'call answered');
    }

    const listener = new ServerListenerBuilder()
      .withOnReceiveMetadata((metadata, next) => {
        begin(metadata);
        next(metadata);
      })
      // The method is called in here.
      .withOnReceiveHalfClose((next) =>
        beginWork(facts, traceparent, () => (span ? span.run(next) : next())),
      );
    return untilEnd(call, end, listener);
  };
}

/** https://opentelemetry.io/docs/specs/semconv/rpc/grpc/ */
function beginServerSpan(path: string, parent: string | undefined): WorkSpan {
  const method = path.slice(1);
  return beginSpan(method, {
    kind: SpanKind.SERVER,
    parent,
    isRoot: true,
    attributes: { 'rpc.system.name': 'grpc', 'rpc.method': method },
  });
}
