import { once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { anonymous } from '../auth/caller.ts';
import { createRateLimiter, type Rate } from '../auth/rate-limiter.ts';
import { unauthenticated } from '../auth/token-verifier.ts';
import { createLogger } from '../observability/logger.ts';
import { registerHealth } from './health.ts';
import { isDeeperThan } from './json-bodies.ts';
import type { HttpLimits } from './limits.ts';
import { createHttpServer, type HttpServer } from './server.ts';

let app: HttpServer | undefined;
afterEach(() => app?.close());

async function serverWith(
  limits: Partial<HttpLimits>,
  rate: Rate = { requests: 1_000, windowMs: 10_000 },
): Promise<HttpServer> {
  const server = await createHttpServer({
    title: 'Test',
    description: 'A server',
    authenticate: async (name) => {
      if (name === 'wrong') throw unauthenticated('that is no signed token');
      return name === undefined ? anonymous : { ...anonymous, subject: name };
    },
    rateLimiter: createRateLimiter(rate),
    logger: createLogger({ service: 'test', level: 'silent' }),
    limits,
  });
  server.post(
    '/things',
    { config: { access: 'orders:write' }, schema: { body: z.unknown() } },
    async ({ body }) => ({ body }),
  );
  server.get('/large', { config: { access: 'public' } }, async () => 'x'.repeat(20_000_000));
  registerHealth(server, {});
  app = server;
  return server;
}

describe('the rate of requests', () => {
  const ask = (server: HttpServer, headers = {}, remoteAddress = '10.0.0.1') =>
    server.inject({ method: 'POST', url: '/things', payload: {}, headers, remoteAddress });

  test('is told with every answer, and ends in a problem that says when to come back', async () => {
    const server = await serverWith({}, { requests: 2, windowMs: 30_000 });
    const [first, second, third] = [await ask(server), await ask(server), await ask(server)];
    expect([first, second, third].map(({ statusCode }) => statusCode)).toEqual([200, 200, 429]);
    expect(first.headers).toMatchObject({
      'ratelimit-policy': '"default";q=2;w=30',
      ratelimit: '"default";r=1;t=30',
    });
    expect(third.headers).toMatchObject({ ratelimit: '"default";r=0;t=30', 'retry-after': '30' });
    expect(third.headers['content-type']).toMatch(/^application\/problem\+json/);
    expect(third.json()).toMatchObject({
      status: 429,
      code: 'TOO_MANY_REQUESTS',
      title: 'Too many requests',
    });
  });

  test('counts for each caller apart, wherever it calls from, and for each address without one', async () => {
    const server = await serverWith({}, { requests: 1, windowMs: 30_000 });
    const statusOf = async (...request: [object?, string?]) => (await ask(server, ...request)).statusCode;
    expect(await statusOf({ authorization: 'ada' })).toBe(200);
    expect(await statusOf({ authorization: 'ada' }, '10.0.0.2')).toBe(429);
    expect(await statusOf({ authorization: 'bob' })).toBe(200);
    expect(await statusOf()).toBe(200);
    expect(await statusOf()).toBe(429);
    expect(await statusOf({}, '10.0.0.2')).toBe(200);
  });

  test('counts wrong tokens for the address that they come from', async () => {
    const server = await serverWith({}, { requests: 1, windowMs: 30_000 });
    const statusOf = async (authorization: string) => (await ask(server, { authorization })).statusCode;
    expect(await statusOf('wrong')).toBe(401);
    expect(await statusOf('wrong')).toBe(429);
    expect(await statusOf('ada')).toBe(200);
  });

  test('begins anew with the next window', async () => {
    const server = await serverWith({}, { requests: 1, windowMs: 50 });
    expect((await ask(server)).statusCode).toBe(200);
    await expect(
      (async () => {
        while ((await ask(server)).statusCode !== 200);
      })(),
    ).resolves.toBeUndefined();
  });

  test('counts addresses that lead nowhere, and no look at the health', async () => {
    const server = await serverWith({}, { requests: 1, windowMs: 30_000 });
    const statusOf = async (url: string) => (await server.inject(url)).statusCode;
    for (const _ of [1, 2, 3]) expect(await statusOf('/health/live')).toBe(200);
    expect(await statusOf('/nowhere')).toBe(404);
    expect(await statusOf('/nowhere')).toBe(429);
    expect(await statusOf('/health/ready')).toBe(200);
  });
});

describe('the depth of JSON', () => {
  test.each([
    ['[[1]]', false],
    ['[[[1]]]', true],
    ['{"a":{"b":[]}}', true],
    ['[{},{},[],{"a":1}]', false],
    ['["[[[[{{{{"]', false],
    ['["\\"[[[", "\\\\"]', false],
    ['["\\\\", [[]]]', true],
  ])('of %s is more than two levels: %s', (json, expected) => {
    expect(isDeeperThan(json, 2)).toBe(expected);
  });

  test('has an end', async () => {
    const server = await serverWith({ jsonDepth: 3 });
    const post = (payload: string) =>
      server.inject({
        method: 'POST',
        url: '/things',
        payload,
        headers: { 'content-type': 'application/json' },
      });
    expect((await post('[[[1]]]')).json()).toEqual({ body: [[[1]]] });
    const refused = await post('[[[[1]]]]');
    expect([refused.statusCode, refused.json().code]).toEqual([400, 'VALIDATION_FAILED']);
    expect((await post('[[[')).statusCode).toBe(400);
    expect((await post('{"__proto__":{}}')).statusCode).toBe(400);
  });
});

describe('security headers', () => {
  test('go with every answer', async () => {
    const server = await serverWith({});
    for (const url of ['/health/live', '/nowhere', '/openapi.json']) {
      const { headers } = await server.inject(url);
      expect(headers).toMatchObject({
        'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
      });
    }
  });

  test('let the page of the API load its own scripts, over plain HTTP too', async () => {
    const server = await serverWith({});
    const policy = (await server.inject('/docs/')).headers['content-security-policy'];
    expect(policy).toMatch(/^default-src 'self';.* script-src 'self' ;/);
    expect(policy).not.toContain('upgrade-insecure-requests');
  });
});

describe('a client that is slow', () => {
  async function open(server: HttpServer): Promise<Socket> {
    await server.listen({ host: '127.0.0.1', port: 0 });
    const socket = connect((server.server.address() as AddressInfo).port, '127.0.0.1');
    await once(socket, 'connect');
    return socket;
  }

  /** Sends a character now and then, as long as it is let. */
  function trickle(socket: Socket, characters: string): void {
    let at = 0;
    const timer = setInterval(() => socket.write(characters[at++ % characters.length] ?? ''), 20);
    socket.on('error', () => undefined);
    socket.once('close', () => clearInterval(timer));
    socket.once('end', () => clearInterval(timer));
  }

  test('with the head of its request is told so and cut off', async () => {
    const socket = await open(await serverWith({ headersTimeoutMs: 200 }));
    socket.write('GET /health/live HTTP/1.1\r\nhost: a\r\nx-slow: ');
    trickle(socket, 'a');
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 408 .*"code":"HTTP_408"/s);
  });

  test('with the body of its request is cut off', async () => {
    const socket = await open(await serverWith({ headersTimeoutMs: 100, requestTimeoutMs: 300 }));
    socket.write(
      'POST /things HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 9999\r\n\r\n[',
    );
    trickle(socket, ' ');
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 408 /);
  });

  test('without a word is cut off', async () => {
    const socket = await open(await serverWith({ headersTimeoutMs: 100 }));
    expect(await text(socket)).toMatch(/^(HTTP\/1\.1 408 |$)/);
  });

  test('to take its answer is cut off', async () => {
    const server = await serverWith({ stallTimeoutMs: 200 });
    const accepted = once(server.server, 'connection') as Promise<[Socket]>;
    const socket = await open(server);
    const [ours] = await accepted;
    socket.pause();
    socket.on('error', () => undefined);
    socket.write('GET /large HTTP/1.1\r\nhost: a\r\n\r\n');
    await once(ours, 'close');
    expect(ours.destroyed).toBe(true);
    socket.destroy();
  });
});
