import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import { PassThrough, Readable } from 'node:stream';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { Span, Tracer } from '@opentelemetry/api';
import { pino } from 'pino';
import { anonymous } from '../auth/caller.ts';
import { createRateLimiter } from '../auth/rate-limiter.ts';
import { metricsRegistry } from '../metrics/registry.ts';
import { recordSpans } from '../observability/tracing.ts';
import { createHttpServer, type HttpServer } from './server.ts';

const ended: string[] = [];
let app: HttpServer;
let log: PassThrough;
let asked: PromiseWithResolvers<void>;
let answer: PromiseWithResolvers<string>;

beforeEach(async () => {
  ended.length = 0;
  metricsRegistry.resetMetrics();
  recordSpans({ startSpan: (name) => spanNamed(name) } as Tracer);
  log = new PassThrough();
  asked = Promise.withResolvers();
  answer = Promise.withResolvers();
  app = await createHttpServer({
    title: 'Test',
    description: 'A server',
    authenticate: async () => anonymous,
    rateLimiter: createRateLimiter({ requests: 1_000, windowMs: 10_000 }),
    logger: pino(log),
  });
  app.post('/slow', { config: { access: 'public' } }, async () => {
    asked.resolve();
    return answer.promise;
  });
  app.get('/stream', { config: { access: 'public' } }, async (_request, reply) =>
    reply.send(Readable.from(endless())),
  );
  await app.listen({ host: '127.0.0.1', port: 0 });
  // Where it listens.
  log.read();
});
afterEach(async () => {
  answer.resolve('late');
  recordSpans(undefined);
  await app.close();
});

function spanNamed(name: string): Span {
  const context = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: 1 };
  return {
    spanContext: () => context,
    setAttributes: () => {},
    end: () => ended.push(name),
  } as unknown as Span;
}

async function* endless() {
  yield 'first';
  await answer.promise;
}

/** Sends a request, and gives the connection. */
function send(head: string) {
  const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1');
  socket.write(`${head} HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n`);
  return socket;
}

async function told(): Promise<unknown> {
  const [chunk] = await once(log, 'data');
  const { msg, method, route, status } = JSON.parse(String(chunk)) as Record<string, unknown>;
  return { msg, method, route, status };
}

async function counted(sample: string): Promise<boolean> {
  const name = 'oms_http_request_duration_seconds';
  return (await metricsRegistry.getSingleMetricAsString(name)).includes(`${name}_count{${sample}} 1`);
}

test('a request that is answered is told of, counted and ends its span', async () => {
  answer.resolve('done');
  const line = told();
  send('POST /slow');
  expect(await line).toEqual({ msg: 'request answered', method: 'POST', route: '/slow', status: 200 });
  expect(await counted('method="POST",route="/slow",status="200"')).toBe(true);
  expect(ended).toEqual(['POST /slow']);
});

test('so is one whose client does not wait for the answer', async () => {
  const line = told();
  const socket = send('POST /slow');
  await asked.promise;
  socket.destroy();
  expect(await line).toEqual({
    msg: 'request left by its client',
    method: 'POST',
    route: '/slow',
    status: 499,
  });
  expect(await counted('method="POST",route="/slow",status="499"')).toBe(true);
  expect(ended).toEqual(['POST /slow']);
});

test('so is one whose client leaves in the middle of the answer', async () => {
  const line = told();
  const socket = send('GET /stream');
  await once(socket, 'data');
  socket.destroy();
  expect(await line).toEqual({ msg: 'request answered', method: 'GET', route: '/stream', status: 200 });
  expect(await counted('method="GET",route="/stream",status="200"')).toBe(true);
  expect(ended).toEqual(['GET /stream']);
});
