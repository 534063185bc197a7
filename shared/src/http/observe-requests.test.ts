import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { context, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import { anonymous } from '../auth/caller.ts';
import { createRateLimiter } from '../auth/rate-limiter.ts';
import { AppError } from '../kernel/errors.ts';
import { createLogger } from '../observability/logger.ts';
import { newTraceparent, traceIdOf } from '../observability/trace-context.ts';
import { inSpan, recordSpans } from '../observability/tracing.ts';
import { factsAtHand } from '../observability/work-at-hand.ts';
import { registerHealth } from './health.ts';
import { createHttpServer, type HttpServer } from './server.ts';

const exporter = new InMemorySpanExporter();
const provider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] });
let app: HttpServer;

beforeAll(async () => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  recordSpans(provider.getTracer('test'));
  app = await createHttpServer({
    title: 'Test',
    description: 'A server',
    authenticate: async () => anonymous,
    rateLimiter: createRateLimiter({ requests: 1_000, windowMs: 10_000 }),
    logger: createLogger({ service: 'test', level: 'silent' }),
  });
  registerHealth(app, {});
  app.post('/things/:id', { config: { access: 'public' } }, async ({ traceparent }) => {
    await new Promise((resolve) => setImmediate(resolve));
    const active = trace.getActiveSpan()?.spanContext().spanId;
    return inSpan('inside', {}, async () => ({ facts: factsAtHand(), traceparent, active }));
  });
  app.get('/away', { config: { access: 'public' } }, async () => {
    throw new AppError({ code: 'DATABASE_UNAVAILABLE', kind: 'unavailable', message: 'it is away' });
  });
  app.get('/bug', { config: { access: 'public' } }, async () => {
    throw new TypeError('x is not a function');
  });
});
beforeEach(() => exporter.reset());
afterAll(async () => {
  recordSpans(undefined);
  context.disable();
  await app.close();
  await provider.shutdown();
});

const spans = () => exporter.getFinishedSpans();

describe('the span of a request', () => {
  test('is what its handler works in, also behind a body', async () => {
    const given = newTraceparent();
    const response = await app.inject({
      method: 'POST',
      url: '/things/7?secret=1',
      headers: { traceparent: given, 'x-correlation-id': 'c-1' },
      payload: { some: 'thing' },
    });
    const [inside, request] = spans();
    expect(request).toMatchObject({
      name: 'POST /things/:id',
      kind: SpanKind.SERVER,
      attributes: { 'http.route': '/things/:id', 'url.path': '/things/7', 'http.response.status_code': 200 },
      status: { code: SpanStatusCode.UNSET },
    });
    const { traceId, spanId } = request!.spanContext();
    expect([request?.parentSpanContext?.spanId, traceId]).toEqual([given.slice(36, 52), traceIdOf(given)]);
    expect(inside?.parentSpanContext?.spanId).toBe(spanId);
    expect(response.json()).toEqual({
      facts: { correlationId: 'c-1', traceId },
      traceparent: `00-${traceId}-${spanId}-01`,
      active: spanId,
    });
  });

  test.each([
    ['/away', 503, 'DATABASE_UNAVAILABLE', 'it is away'],
    ['/bug', 500, 'TypeError', 'x is not a function'],
  ])('of %s says why it failed', async (url, status, type, message) => {
    expect((await app.inject({ url })).statusCode).toBe(status);
    expect(spans()).toMatchObject([
      {
        name: `GET ${url}`,
        status: { code: SpanStatusCode.ERROR, message },
        attributes: { 'error.type': type, 'http.response.status_code': status },
        events: [{ name: 'exception', attributes: { 'exception.message': message } }],
      },
    ]);
  });

  test('is named by the method alone where there is nothing, and is no failure then', async () => {
    await app.inject({ url: '/nothing/here' });
    expect(spans()).toMatchObject([{ name: 'GET', status: { code: SpanStatusCode.UNSET } }]);
  });

  test('is not there for probes and scrapers', async () => {
    for (const url of ['/health/live', '/health/ready', '/metrics']) {
      expect((await app.inject({ url })).statusCode).toBe(200);
    }
    expect(spans()).toEqual([]);
  });
});
