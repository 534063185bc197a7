import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import { createChangeOrder } from '#order-service/application/change-order.ts';
import { createOrderUpdates, type OrderUpdates } from '#order-service/application/order-updates.ts';
import { createReadOrders } from '#order-service/application/read-orders.ts';
import { createWatchOrder } from '#order-service/application/watch-order.ts';
import { registerOrderEventsRoute } from '#order-service/http/order-events-route.ts';
import { createOrderProgress } from '#order-service/infrastructure/postgres/order-progress.ts';
import { anonymous } from '#shared/auth/caller.ts';
import { createRateLimiter } from '#shared/auth/rate-limiter.ts';
import type { HttpLimits } from '#shared/http/limits.ts';
import { createHttpServer, type HttpServer } from '#shared/http/server.ts';
import { systemClock } from '#shared/kernel/clock.ts';
import { noFailpoints } from '#shared/kernel/failpoints.ts';
import { newId } from '#shared/kernel/ids.ts';
import { newTraceparent } from '#shared/observability/trace-context.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { type EventStream, openEvents } from '../support/event-stream.ts';
import { eventually } from '../support/eventually.ts';
import { testInfrastructure } from '../support/infrastructure.ts';
import { testLogger } from './support/logger.ts';
import { type OpenOrderRepository, openOrderRepository, placementOf } from './support/orders.ts';

let database: TestDatabase;
let repository: OpenOrderRepository;
let updates: OrderUpdates;
let app: HttpServer;
/** How often the database was asked for news. */
let questions: number;

beforeEach(async () => {
  database = await createTestDatabase('order');
  repository = openOrderRepository(database.url);
  questions = 0;
});
afterEach(async () => {
  await updates.stop();
  await app.close();
  await repository.close();
  await database.drop();
});

/** The route on a real socket, over a pool that counts. */
async function serve(
  options: {
    pollIntervalMs?: number;
    heartbeatMs?: number;
    maxWatchers?: number;
    limits?: Partial<HttpLimits>;
  } = {},
): Promise<string> {
  const { pollIntervalMs = 3_600_000, heartbeatMs = 3_600_000, maxWatchers = 1_000, limits = {} } = options;
  const counting = {
    query: (...question: Parameters<pg.Pool['query']>) => {
      questions += 1;
      return database.pool.query(...question);
    },
  } as pg.Pool;
  updates = createOrderUpdates({
    progress: createOrderProgress({ pool: counting }),
    maxWatchers,
    pollIntervalMs,
    shortestPauseMs: 5,
    logger: testLogger,
  });
  app = await createHttpServer({
    title: 'Test',
    description: 'A server',
    authenticate: async () => anonymous,
    rateLimiter: createRateLimiter({ requests: 1_000, windowMs: 10_000 }),
    logger: testLogger,
    limits,
  });
  const readOrders = createReadOrders({ orders: repository.orders });
  const watchOrder = createWatchOrder({ readOrders, orderUpdates: updates, clock: systemClock });
  registerOrderEventsRoute(app, { watchOrder, heartbeatMs });
  await app.listen({ host: '127.0.0.1', port: 0 });
  return `http://127.0.0.1:${portOf(app)}`;
}

const portOf = ({ server }: HttpServer): number => (server.address() as AddressInfo).port;

async function place(): Promise<string> {
  const placement = placementOf();
  await repository.orders.place(placement);
  return placement.order.id;
}

/** As another process does it, which nobody tells us of. */
async function requestCancellation(orderId: string): Promise<void> {
  const { orders, runOnce } = repository;
  const parts = { clock: () => new Date(), failpoint: noFailpoints, announce: () => {} };
  await createChangeOrder({ orders, runOnce, ...parts })({
    orderId,
    command: { type: 'cancel', reason: '' },
    cause: { correlationId: newId(), traceparent: newTraceparent() },
    caller: anonymous,
    isExpected: () => true,
  });
}

/** Ends all sessions of the database and lets nobody in, or lets everybody in again. */
async function setAway(isAway: boolean): Promise<void> {
  const name = new URL(database.url).pathname.slice(1);
  const client = new pg.Client({ connectionString: testInfrastructure().maintenanceUrl });
  await client.connect();
  await client.query(`ALTER DATABASE ${name} WITH ALLOW_CONNECTIONS ${String(!isAway)}`);
  if (isAway) {
    await client.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [name]);
  }
  await client.end();
}

const openConnections = async () =>
  new Promise<number>((resolve, reject) =>
    app.server.getConnections((error, count) => (error ? reject(error) : resolve(count))),
  );

/** Opens the stream by hand, and leaves what comes back to the test. */
async function openSocket(orderId: string, method = 'GET'): Promise<Socket> {
  const socket = connect(portOf(app), '127.0.0.1');
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  socket.write(`${method} /orders/${orderId}/events HTTP/1.1\r\nhost: test\r\n\r\n`);
  return socket;
}

describe('five hundred watchers', () => {
  test('of fifty orders cost a handful of queries, and each sees its order change', async () => {
    const base = await serve();
    const ids = await Promise.all(Array.from({ length: 50 }, place));
    const orderOf = (index: number) => ids[index % ids.length] as string;
    const streams: EventStream[] = [];
    const seenByAll = async (count: number) =>
      eventually(() => streams.every(({ events }) => events.length === count), { withinMs: 30_000 });
    for (let group = 0; group < 5; group += 1) {
      const opened = Array.from({ length: 100 }, (_, index) => openEvents(base, orderOf(index)));
      streams.push(...(await Promise.all(opened)));
    }
    await seenByAll(1);
    // Everybody waits, and nothing happens: that costs nothing more.
    const before = questions;
    await Promise.all(ids.map(requestCancellation));
    updates.look();
    await seenByAll(2);
    expect(questions - before).toBeLessThan(10);
    expect(streams.map((stream) => stream.seen())).toEqual(
      streams.map(() => ['1 placed', '2 cancellationRequested']),
    );
    expect(streams.map(({ events }) => events[0]?.data)).toMatchObject(
      streams.map((_, index) => ({ detail: { data: { id: orderOf(index) } } })),
    );

    for (const { leave } of streams) leave();
    await eventually(async () => (await openConnections()) === 0);
    const asked = questions;
    updates.look();
    await updates.stop();
    expect(questions).toBe(asked);
  });
});

describe('a stream', () => {
  test('shows what another process did', async () => {
    const base = await serve({ pollIntervalMs: 20 });
    const id = await place();
    const stream = await openEvents(base, id);
    await stream.until('placed');
    await requestCancellation(id);
    expect(await stream.until('cancellationRequested')).toBe(1);
    stream.leave();
  });

  test('goes on when the database was away', async () => {
    const base = await serve({ pollIntervalMs: 20 });
    const id = await place();
    const stream = await openEvents(base, id);
    await stream.until('placed');
    await setAway(true);
    const before = questions;
    await eventually(() => questions > before + 3);
    await setAway(false);
    await requestCancellation(id);
    await stream.until('cancellationRequested');
    expect(stream.seen()).toEqual(['1 placed', '2 cancellationRequested']);
    stream.leave();
  });

  test('outlives every limit on requests and connections, because something is sent before each', async () => {
    const limits = { headersTimeoutMs: 100, requestTimeoutMs: 100, stallTimeoutMs: 400 };
    const base = await serve({ heartbeatMs: 20, limits });
    const id = await place();
    const stream = await openEvents(base, id);
    await eventually(() => stream.heartbeats() > 50);
    await requestCancellation(id);
    updates.look();
    await stream.until('cancellationRequested');
    expect(stream.seen()).toEqual(['1 placed', '2 cancellationRequested']);
    stream.leave();
  });

  test('is cut off when it stands still', async () => {
    await serve({ limits: { stallTimeoutMs: 100 } });
    const socket = await openSocket(await place());
    const [head] = (await once(socket, 'data')) as [Buffer];
    expect(head.toString()).toMatch(/^HTTP\/1.1 200 /);
    socket.resume();
    await once(socket, 'close');
    await eventually(async () => (await openConnections()) === 0);
  });

  test('does not keep the server from closing', async () => {
    const base = await serve();
    const id = await place();
    const stream = await openEvents(base, id);
    const ignored = await openSocket(id);
    await stream.until('placed');
    await updates.stop();
    await app.close();
    expect(await stream.end).toBe('complete');
    expect(stream.seen()).toEqual(['1 placed']);
    ignored.destroy();
  });

  test('is refused with 503 and Retry-After while there are too many', async () => {
    const base = await serve({ maxWatchers: 2 });
    const id = await place();
    const streams = await Promise.all([openEvents(base, id), openEvents(base, id)]);
    const refused = await fetch(`${base}/orders/${id}/events`);
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '2']);
    expect(await refused.json()).toMatchObject({ code: 'TOO_MANY_WATCHERS' });
    streams[0]?.leave();
    const another = await eventually(() => openEvents(base, id));
    for (const { leave } of [...streams, another]) leave();
  });

  test('is given back by clients that leave at any moment', async () => {
    const base = await serve({ maxWatchers: 1 });
    const id = await place();
    for (const reads of [0, 1, 2]) {
      for (let count = 0; count < 5; count += 1) {
        const socket = await openSocket(id, reads === 2 ? 'HEAD' : 'GET');
        if (reads > 0) await once(socket, 'data');
        socket.destroy();
      }
      const stream = await eventually(() => openEvents(base, id));
      stream.leave();
    }
    await eventually(async () => (await openConnections()) === 0);
  });
});
