import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { anonymous } from '../auth/caller.ts';
import { createRateLimiter } from '../auth/rate-limiter.ts';
import { AppError } from '../kernel/errors.ts';
import { createLogger } from '../observability/logger.ts';
import { registerHealth } from './health.ts';
import { problems } from './problem.ts';
import { createHttpServer, type HttpServer } from './server.ts';

let app: HttpServer;
let isUp: boolean;

beforeEach(async () => {
  isUp = true;
  app = await createHttpServer({
    title: 'Test',
    description: 'A server',
    authenticate: async () => anonymous,
    rateLimiter: createRateLimiter({ requests: 1_000, windowMs: 10_000 }),
    logger: createLogger({ service: 'test', level: 'silent' }),
  });
  app.post(
    '/things',
    {
      config: { access: 'public' },
      schema: {
        body: z.strictObject({ name: z.string().min(1), sizes: z.array(z.strictObject({ cm: z.int() })) }),
        response: { 200: z.object({ correlationId: z.string() }), ...problems(400) },
      },
    },
    async ({ correlationId }) => ({ correlationId }),
  );
  app.get('/away', { config: { access: 'public' } }, async () => {
    throw new AppError({ code: 'DATABASE_UNAVAILABLE', kind: 'unavailable', message: 'secret host is away' });
  });
  app.get('/bug', { config: { access: 'public' } }, async () => {
    throw new TypeError('secret detail');
  });
});
afterEach(() => app.close());

const json = { 'content-type': 'application/json' };
const good = { name: 'a', sizes: [{ cm: 1 }] };

describe('a server', () => {
  test('names every field that is wrong, unknown ones too', async () => {
    const payload = { name: '', sizes: [{ cm: 1 }, { cm: 'x', mm: 2 }], colour: 'red' };
    const response = await app.inject({ method: 'POST', url: '/things', payload });
    expect(response.statusCode).toBe(400);
    expect(response.headers['content-type']).toMatch(/^application\/problem\+json/);
    expect(response.json().code).toBe('VALIDATION_FAILED');
    const fields = response.json().errors.map(({ field }: { field: string }) => field);
    expect(fields.sort()).toEqual(['colour', 'name', 'sizes.1.cm', 'sizes.1.mm']);
  });

  test('leads from its address to the page that describes it', async () => {
    const response = await app.inject({ url: '/' });
    expect([response.statusCode, response.headers.location]).toEqual([302, '/docs']);
  });

  test('tells what is missing from what is wrong', async () => {
    const payload = { sizes: [{}] };
    const response = await app.inject({ method: 'POST', url: '/things', payload });
    expect(response.json().errors).toEqual([
      { field: 'name', message: 'is required' },
      { field: 'sizes.0.cm', message: 'is required' },
    ]);
  });

  test('says what it reads to whoever sends something else', async () => {
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const response = await app.inject({ method: 'POST', url: '/things', headers, payload: '{}' });
    expect(response.json()).toMatchObject({ status: 415, detail: 'send application/json' });
  });

  test.each([
    ['broken JSON', 400, { 'content-type': 'application/json' }, '{"name":'],
    ['another media type', 415, { 'content-type': 'text/xml' }, '<a/>'],
    ['a compressed body', 415, { ...json, 'content-encoding': 'gzip' }, '{}'],
    ['another character set', 415, { 'content-type': 'application/json; charset=utf-16' }, '{}'],
    ['a body beyond the limit', 413, { 'content-type': 'application/json' }, `"${'x'.repeat(300_000)}"`],
  ])('answers %s with a problem and %i', async (_what, status, headers, payload) => {
    const response = await app.inject({ method: 'POST', url: '/things', headers, payload });
    expect(response.statusCode).toBe(status);
    expect(response.json()).toMatchObject({ status, code: `HTTP_${status}`, instance: '/things' });
  });

  test('answers an unknown address with a problem', async () => {
    const response = await app.inject('/nowhere');
    expect(response.json()).toMatchObject({ status: 404, code: 'HTTP_404' });
  });

  test('tells a client to come back when a dependency is away, and nothing internal', async () => {
    const response = await app.inject('/away');
    expect(response.statusCode).toBe(503);
    expect(response.headers['retry-after']).toBe('2');
    expect(response.json()).toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
    expect(response.body).not.toContain('secret');
  });

  test('tells nothing of an error nobody expected', async () => {
    const response = await app.inject('/bug');
    expect(response.json()).toMatchObject({ status: 500, code: 'INTERNAL' });
    expect(response.body).not.toContain('secret');
  });

  test('takes a correlation id that is well formed, and gives one to every other request', async () => {
    const ask = (id: string) =>
      app.inject({ method: 'POST', url: '/things', payload: good, headers: { 'x-correlation-id': id } });
    const taken = await ask('abc-123');
    expect([taken.json().correlationId, taken.headers['x-correlation-id']]).toEqual(['abc-123', 'abc-123']);
    const given = await ask('a b');
    expect(given.json().correlationId).toMatch(/^[0-9a-f-]{36}$/);
  });

  test('does not wait for connections without a request when it stops', async () => {
    await app.listen({ host: '127.0.0.1', port: 0 });
    const accepted = once(app.server, 'connection');
    const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1');
    await accepted;
    const ended = once(socket, 'close');
    await app.close();
    await ended;
    expect(socket.destroyed).toBe(true);
  });

  test('answers what comes on a connection that is in use when it stops, and closes it with the answer', async () => {
    let finish = () => {};
    const held = new Promise<void>((resolve) => (finish = resolve));
    const begun = Promise.withResolvers<void>();
    app.get('/slow', { config: { access: 'public' } }, async () => {
      begun.resolve();
      await held;
      return 'slow';
    });
    app.get('/next', { config: { access: 'public' } }, async () => 'next');
    await app.listen({ host: '127.0.0.1', port: 0 });
    const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1');
    const answers = text(socket);
    socket.write('GET /slow HTTP/1.1\r\nhost: a\r\n\r\n');
    await begun.promise;
    const closed = app.close();
    while (app.server.listening) await new Promise((resolve) => setImmediate(resolve));
    socket.write('GET /next HTTP/1.1\r\nhost: a\r\n\r\n');
    finish();
    const statuses = (await answers).toLowerCase().match(/http\/1\.1 \d+|connection: \S+/g);
    expect(statuses).toEqual(['http/1.1 200', 'connection: keep-alive', 'http/1.1 200', 'connection: close']);
    await closed;
  });
});

describe('readiness', () => {
  const statusOf = async () => (await app.inject('/health/ready')).json();

  test('is lost with a required dependency and names it', async () => {
    registerHealth(app, { database: { required: true, probe: () => isUp } });
    expect(await statusOf()).toEqual({ status: 'ready', checks: { database: 'up' }, required: ['database'] });
    isUp = false;
    expect(await statusOf()).toMatchObject({ status: 'unavailable', checks: { database: 'down' } });
    expect((await app.inject('/health/ready')).statusCode).toBe(503);
  });

  test('is kept, degraded, without a dependency that one can do without', async () => {
    registerHealth(app, {
      broker: { required: false, probe: async () => Promise.reject(new Error('away')) },
    });
    expect(await statusOf()).toEqual({ status: 'degraded', checks: { broker: 'down' }, required: [] });
    expect((await app.inject('/health/ready')).statusCode).toBe(200);
  });

  test('tells more about those checks that have more to tell', async () => {
    registerHealth(app, {
      database: { required: true, probe: () => true },
      payment: { required: false, probe: () => isUp, detail: () => ({ circuit: isUp ? 'closed' : 'open' }) },
    });
    expect(await statusOf()).toMatchObject({ status: 'ready', detail: { payment: { circuit: 'closed' } } });
    isUp = false;
    expect(await statusOf()).toEqual({
      status: 'degraded',
      checks: { database: 'up', payment: 'down' },
      required: ['database'],
      detail: { payment: { circuit: 'open' } },
    });
  });

  test('ends when the service is about to stop', async () => {
    const health = registerHealth(app, { database: { required: true, probe: () => true } });
    health.startDraining();
    expect(await statusOf()).toMatchObject({ status: 'draining' });
  });
});

test('a service that is about to stop answers, and asks for the connection to be given up', async () => {
  const health = registerHealth(app, {});
  expect((await app.inject('/openapi.json')).headers.connection).toBe('keep-alive');
  health.startDraining();
  const { statusCode, headers } = await app.inject('/openapi.json');
  expect([statusCode, headers.connection]).toEqual([200, 'close']);
});

test('a process is not live once something in it has stopped turning, and says what', async () => {
  let isStuck = false;
  const loops = { relay: { isStuck: () => isStuck }, consumer: { isStuck: () => false } };
  // Whatever is away: a new process could not bring it back.
  registerHealth(app, { database: { required: true, probe: () => false } }, loops);
  expect((await app.inject('/health/live')).json()).toEqual({ status: 'live' });
  isStuck = true;
  const { statusCode, ...answer } = await app.inject('/health/live');
  expect([statusCode, answer.json()]).toEqual([503, { status: 'stuck', stuck: ['relay'] }]);
});
