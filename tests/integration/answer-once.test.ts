import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { anonymous, type Caller } from '#shared/auth/caller.ts';
import { createRateLimiter } from '#shared/auth/rate-limiter.ts';
import { answerOnce } from '#shared/http/answer-once.ts';
import { problems } from '#shared/http/problem.ts';
import { createHttpServer, type HttpServer } from '#shared/http/server.ts';
import type { AnsweredRequests } from '#shared/idempotency/answered-requests.ts';
import { createForgetExpired } from '#shared/idempotency/forget-expired.ts';
import { AppError } from '#shared/kernel/errors.ts';
import { createAnsweredRequests } from '#shared/postgres/answered-requests.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { testLogger } from './support/logger.ts';

const ttlMs = 3_600_000;
let database: TestDatabase;
let requests: AnsweredRequests;
let now: Date;
/** Two processes, as behind a load balancer. */
let servers: [HttpServer, HttpServer];
let work: (body: { n: number }) => Promise<unknown>;
let worked: number;

beforeEach(async () => {
  database = await createTestDatabase('processor');
  requests = createAnsweredRequests({ pool: database.pool });
  now = new Date();
  worked = 0;
  work = async ({ n }) => ({ n, worked, secret: 'told once' });
  servers = [await serve(), await serve()];
});
afterEach(async () => {
  await Promise.all(servers.map((server) => server.close()));
  await database.drop();
});

async function serve(): Promise<HttpServer> {
  const server = await createHttpServer({
    title: 'Test',
    description: 'A server',
    authenticate: async (name): Promise<Caller> => ({ ...anonymous, subject: name ?? 'ada' }),
    rateLimiter: createRateLimiter({ requests: 1_000, windowMs: 10_000 }),
    logger: testLogger,
  });
  answerOnce(server, { requests, clock: () => now, ttlMs });
  const body = z.strictObject({ n: z.int() });
  for (const [url, answersOnce] of [
    ['/things', true],
    ['/secrets', { secret: 'secret' }],
  ] as const) {
    server.post(
      url,
      {
        config: { access: 'ops', answersOnce },
        schema: { body, response: { 201: z.any(), ...problems(409) } },
      },
      async (request, reply) => {
        worked += 1;
        return reply
          .code(201)
          .header('location', '/things/1')
          .send(await work(request.body));
      },
    );
  }
  return server;
}

async function post(
  key: string | undefined,
  options: { n?: number; url?: string; caller?: string; server?: number } = {},
) {
  const { n = 1, url = '/things', caller = 'ada', server = 0 } = options;
  const response = await servers[server as 0 | 1].inject({
    method: 'POST',
    url,
    headers: { authorization: caller, ...(key === undefined ? {} : { 'idempotency-key': key }) },
    payload: { n },
  });
  const { location, 'content-type': type, 'idempotent-replayed': replayed } = response.headers;
  return {
    status: response.statusCode,
    location,
    type,
    replayed,
    body: response.json(),
    all: response.headers,
  };
}

const rejected = () =>
  new AppError({ code: 'SAGA_NOT_FOUND', kind: 'rejected', message: 'there is no such saga' });

describe('a request with a key', () => {
  test('is carried out once by two processes, however many ask at the same time', async () => {
    const asked = await Promise.all(
      Array.from({ length: 20 }, (_, index) => post('k', { server: index % 2 })),
    );
    expect(worked).toBe(1);
    // Too early, or in time to be told what the first one was.
    expect(asked.filter(({ status }) => status !== 201 && status !== 409)).toEqual([]);
    expect(asked.filter(({ status, replayed }) => status === 201 && !replayed)).toHaveLength(1);
    const again = await post('k', { server: 1 });
    expect(again).toMatchObject({
      status: 201,
      location: '/things/1',
      replayed: 'true',
      body: { n: 1, worked: 1 },
    });
    expect(again.type).toBe((await post(undefined)).type);
    expect(worked).toBe(2);
  });

  test('is told to come back while the first one is under way', async () => {
    let finish = () => {};
    const begun = new Promise<void>((begin) => {
      work = () =>
        new Promise((resolve) => {
          finish = () => resolve({ done: true });
          begin();
        });
    });
    const first = post('k');
    await begun;
    const second = await post('k', { server: 1 });
    expect(second).toMatchObject({ status: 409, body: { code: 'IDEMPOTENCY_KEY_IN_USE' } });
    expect(second.all['retry-after']).toBe('1');
    finish();
    expect(await first).toMatchObject({ status: 201, body: { done: true } });
    expect(await post('k', { server: 1 })).toMatchObject({
      status: 201,
      replayed: 'true',
      body: { done: true },
    });
  });

  test('is another one with another body, at another route and from another caller', async () => {
    await post('k');
    expect(await post('k', { n: 2 })).toMatchObject({
      status: 422,
      body: { code: 'IDEMPOTENCY_KEY_REUSED' },
    });
    expect(await post('k', { url: '/secrets' })).toMatchObject({ status: 201, replayed: undefined });
    expect(await post('k', { caller: 'bob' })).toMatchObject({ status: 201, replayed: undefined });
    expect(worked).toBe(3);
  });

  test('is refused alike when that was decided', async () => {
    work = () => Promise.reject(rejected());
    const first = await post('k');
    const second = await post('k');
    expect(first).toMatchObject({ status: 404, replayed: undefined });
    expect(second).toMatchObject({ status: 404, replayed: 'true', body: first.body, type: first.type });
    expect(worked).toBe(1);
  });

  test('may come again after a failure, and corrected after a mistake', async () => {
    work = () => Promise.reject(new Error('out of order'));
    expect(await post('k')).toMatchObject({ status: 500 });
    expect(await post('other', { n: 0.5 })).toMatchObject({ status: 400 });
    work = async () => ({ well: true });
    expect(await post('k')).toMatchObject({ status: 201, replayed: undefined });
    expect(await post('other')).toMatchObject({ status: 201, replayed: undefined });
  });

  test('is carried out anew when whoever had it died, and he can no longer answer for it', async () => {
    const scope = { caller: 'ada', operation: 'POST /things', key: 'k' };
    const lapsesAt = new Date(now.getTime() + 60_000);
    const dead = await requests.claim(scope, { fingerprint: 'x', now, lapsesAt });
    if (dead.outcome !== 'claimed') throw new Error('the key was free');
    now = new Date(now.getTime() + 59_000);
    expect(await post('k')).toMatchObject({ status: 422 });
    now = new Date(now.getTime() + 1_000);
    expect(await post('k')).toMatchObject({ status: 201, replayed: undefined });
    await requests.keep(dead.claim, { status: 200, headers: {}, body: '{}' }, lapsesAt);
    await requests.release(dead.claim);
    expect(await post('k')).toMatchObject({ status: 201, replayed: 'true' });
  });

  test('is forgotten after its time', async () => {
    await post('k');
    const forget = createForgetExpired({ records: [requests], clock: () => now });
    await forget();
    expect(await post('k')).toMatchObject({ replayed: 'true' });
    now = new Date(now.getTime() + ttlMs);
    await forget();
    expect((await database.pool.query('SELECT 1 FROM answered_requests')).rowCount).toBe(0);
    expect(await post('k', { n: 2 })).toMatchObject({ status: 201, replayed: undefined });
  });

  test('has no secret in its kept answer', async () => {
    expect((await post('k', { url: '/secrets' })).body).toEqual({ n: 1, worked: 1, secret: 'told once' });
    expect((await post('k', { url: '/secrets' })).body).toEqual({ n: 1, worked: 1 });
    const { rows } = await database.pool.query('SELECT answer::text FROM answered_requests');
    expect(rows).toHaveLength(1);
    expect(rows[0].answer).not.toContain('told once');
  });

  test('is answered even if the answer cannot be kept', async () => {
    work = async () => {
      await database.pool.query('DROP TABLE answered_requests');
      return { done: true };
    };
    expect(await post('k')).toMatchObject({ status: 201, body: { done: true } });
  });
});
