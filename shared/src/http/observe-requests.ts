import type { FastifyReply, FastifyRequest } from 'fastify';
import { correlationHeader, correlationIdFrom } from '../observability/correlation-id.ts';
import type { Logger } from '../observability/logger.ts';
import { isTraceparent, newTraceparent, traceIdOf } from '../observability/trace-context.ts';
import { beginSpan, isRecording, SpanKind, type WorkSpan } from '../observability/tracing.ts';
import { beginWork, type Facts } from '../observability/work-at-hand.ts';
import type { HttpServer } from './http-server.ts';
import { onRequestEnd, unansweredStatus } from './request-ends.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Ties together everything that this request sets off; from `x-correlation-id`, or new. */
    correlationId: string;
    /** W3C Trace Context of what the request sets off: part of the trace in its `traceparent`, or a new one. */
    traceparent: string;
    /** What its log lines tell about it. */
    facts: Facts;
    span: WorkSpan | undefined;
  }
}

/**
 * Gives every request its correlation id and its trace, and its handler's log lines both; tells each end in one line.
 * Probes and scrapers come every few seconds and set nothing off: they have no spans, and lines for whoever debugs.
 */
export function observeRequests(app: HttpServer, logger: Logger): void {
  app.decorateRequest('correlationId', '');
  app.decorateRequest('traceparent', '');
  app.decorateRequest('facts');
  app.decorateRequest('span', undefined);

  app.addHook('onRequest', async (request, reply) => {
    identify(request, reply);
    if (!isRecording() || isByMachine(request)) return;
    request.span = beginServerSpan(request);
    request.traceparent = request.span.traceparent ?? request.traceparent;
  });

  // The last hook before the handler's own ones: what reads the body does not follow whoever waits for it.
  app.addHook('preHandler', ({ facts, traceparent, span }, _reply, done) => {
    beginWork(facts, traceparent, () => (span ? span.run(done) : done()));
  });

  onRequestEnd(app, (request, { status, durationMs }) => {
    const { method, facts, traceparent, span, routeOptions } = request;
    const isAnswered = status !== unansweredStatus;
    span?.set(isAnswered ? { 'http.response.status_code': status } : { 'error.type': 'unanswered' });
    span?.end();
    const { url: route } = routeOptions;
    const line = { method, route, status, durationMs: Math.round(durationMs), ...facts };
    const level = isByMachine(request) ? 'debug' : 'info';
    const event = isAnswered ? 'request answered' : 'request left by its client';
    logger[level]({ ...line, traceId: traceIdOf(traceparent) }, event);
  });
}

/** The part of it that also requests get which no hook sees. */
export function identify(request: FastifyRequest, reply: FastifyReply): void {
  const { [correlationHeader]: given, traceparent } = request.headers;
  request.correlationId = correlationIdFrom(given);
  request.traceparent = isTraceparent(traceparent) ? traceparent : newTraceparent();
  request.facts = { correlationId: request.correlationId };
  reply.header(correlationHeader, request.correlationId);
}

/** https://opentelemetry.io/docs/specs/semconv/http/http-spans/ */
function beginServerSpan(request: FastifyRequest): WorkSpan {
  const { method, headers, protocol, hostname, facts, routeOptions, ip } = request;
  const { url: route } = routeOptions;
  return beginSpan(route === undefined ? method : `${method} ${route}`, {
    kind: SpanKind.SERVER,
    parent: isTraceparent(headers.traceparent) ? headers.traceparent : undefined,
    isRoot: true,
    attributes: {
      'http.request.method': method,
      ...(route === undefined ? {} : { 'http.route': route }),
      'url.path': request.url.split('?', 1)[0] ?? '',
      'url.scheme': protocol,
      'server.address': hostname,
      'client.address': ip,
      'oms.correlation_id': facts.correlationId ?? '',
    },
  });
}

function isByMachine({ routeOptions: { url = '' } }: FastifyRequest): boolean {
  return url.startsWith('/health') || url === '/metrics';
}
