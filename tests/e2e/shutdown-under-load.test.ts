import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { ChildProcess } from '#scripts/local-stack/child-process.ts';
import { deadLetterQueueOf, queues } from '#shared/contracts/topology.ts';
import { customerOf } from '../support/customer.ts';
import { openEvents } from '../support/event-stream.ts';
import { eventually } from '../support/eventually.ts';
import { connectOrders, watchOrder } from '../support/grpc-client.ts';
import { grpcHealthOf, watchGrpcHealth } from '../support/grpc-health.ts';
import { beginPost, isRefused } from '../support/half-request.ts';
import { checkInvariants } from '../support/invariants.ts';
import { endsOf, line } from '../support/load.ts';
import { grpcCaller, httpCaller, keepConnection, type OrderCaller } from '../support/order-callers.ts';
import { sandboxClient } from '../support/sandbox.ts';
import { queueDepths, settled } from '../support/settled.ts';
import { createTestSystem, orderBody, type ServiceName, type TestSystem } from '../support/system.ts';
import { type Answer, type Witness, watch } from '../support/witness.ts';

const inFlight = 100;
const overGrpc = 40;
/** What a shutdown may take. */
const stopWithinMs = 10_000;

let system: TestSystem;
let witness: Witness;
let sandbox: ReturnType<typeof sandboxClient>;

beforeAll(async () => {
  system = await createTestSystem({ settings: { PAYMENT_TIMEOUT_MS: '60000' } });
  witness = await watch(system);
  sandbox = sandboxClient(system.urls.sandbox);
});
afterAll(() => system?.dispose());

async function expectOrderlyStop(name: ServiceName): Promise<void> {
  const begun = performance.now();
  expect(await system.stop(name)).toEqual({ code: 0, signal: null });
  expect(performance.now() - begun).toBeLessThan(stopWithinMs);
}

/** All of them were accepted and are completed; nothing is left over anywhere. */
async function expectAllCompleted(answers: readonly Answer[]): Promise<void> {
  expect(answers.filter(({ outcome }) => outcome !== 'accepted')).toEqual([]);
  await settled(system);
  expect(await endsOf(system, answers)).toEqual(answers.map(() => 'completed'));
  expect(await checkInvariants(system, witness)).toEqual([]);
  const dead = [queues.orderCreated, queues.orderRequests, queues.orderProcessed].map(deadLetterQueueOf);
  const depths = await queueDepths(system.broker.url, dead);
  expect([...depths.values()].filter((depth) => depth > 0)).toEqual([]);
}

/** From now on nobody can store an order, until it is let go. */
async function holdOrders(): Promise<{ release(): Promise<void> }> {
  const lock = await system.orderDatabase.pool.connect();
  await lock.query('BEGIN');
  await lock.query('LOCK TABLE orders IN SHARE MODE');
  return {
    async release() {
      await lock.query('COMMIT');
      lock.release();
    },
  };
}

/** An order that waits for its customer. */
async function placeManual(): Promise<string> {
  const placed = await witness.place({ payment: 'manual', items: [line('SKU-002', 1, 500)] });
  if (placed.outcome !== 'accepted') throw new Error(`not accepted: ${JSON.stringify(placed)}`);
  return placed.orderId;
}

/** As many callers as orders, each with a connection of its own that has been used before. */
async function callersOf(baseUrl: string, address: string): Promise<readonly OrderCaller[]> {
  const callers = Array.from({ length: inFlight }, (_, index) =>
    index < overGrpc ? grpcCaller(witness, address) : httpCaller(witness, baseUrl),
  );
  const first = await Promise.all(callers.map((caller, index) => caller.place(100 + index)));
  expect(first.filter(({ outcome }) => outcome !== 'accepted')).toEqual([]);
  return callers;
}

/** Places one order with each, and comes back when the service has all of them in hand. */
async function placeAtOnce(callers: readonly OrderCaller[]): Promise<{ answers: Promise<Answer[]> }> {
  let answered = 0;
  const placing = callers.map((caller, index) => caller.place(1_000 + index).finally(() => (answered += 1)));
  const waiting = `SELECT 1 FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock' AND query ILIKE '%INSERT INTO orders%'`;
  await eventually(async () => (await system.orderDatabase.pool.query(waiting)).rowCount === 1);
  // Connections are served in turn: what was sent before this has been read when it is answered.
  for (let round = 0; round < 3; round += 1) await fetch(`${system.urls.order}/health/live`);
  expect(answered).toBe(0);
  return { answers: Promise.all(placing) };
}

/** What a service left behind when it stopped, stage by stage. */
const left = (name: ServiceName): readonly unknown[] =>
  system
    .logOf(name)
    .filter((entry) => entry.includes('is left behind'))
    .map((entry) => (JSON.parse(entry) as { parts: unknown }).parts);

describe('SIGTERM to the order-service with a hundred orders in flight', () => {
  test('answers every one of them, and ends the streams so that their clients come back', async () => {
    const id = await placeManual();
    const events = await openEvents(system.urls.order, id);
    const watcher = connectOrders(system.grpcAddress);
    const stream = watchOrder(watcher, id);
    await Promise.all([events.until('reserved'), stream.until('reserved')]);
    const callers = await callersOf(system.urls.order, system.grpcAddress);
    const health = watchGrpcHealth(system.grpcAddress);
    await eventually(() => health.seen.length > 0);

    const lock = await holdOrders();
    const { answers } = await placeAtOnce(callers);
    const stopping = expectOrderlyStop('order');
    // Nothing that was begun is answered before the doors are closed.
    await eventually(() => isRefused(system.urls.order));
    await lock.release();
    const given = await answers;
    await stopping;

    expect(await health.end).toBe('complete');
    expect(health.seen).toEqual(['SERVING', 'NOT_SERVING']);
    expect(await events.end).toBe('complete');
    expect(events.seen()).toEqual(['1 placed', '2 reserved']);
    expect(await stream.end).toMatchObject({ code: status.UNAVAILABLE, reason: 'SHUTTING_DOWN' });
    for (const caller of callers) caller.close();
    watcher.close();
    await system.start('order');
    expect((await customerOf(system.urls.order).pay(id)).status).toBeLessThan(300);
    await customerOf(system.urls.order).becomes(id, 'completed');
    await expectAllCompleted(given);
  });

  test('with a delay goes on serving, says that it is not ready, and sends its clients elsewhere', async () => {
    await system.stop('order');
    await system.start('order', { SHUTDOWN_DELAY_MS: '2000' });
    const { order } = system.urls;
    const kept = keepConnection();
    const before = await kept.send('GET', `${order}/health/ready`);
    expect([before.status, before.headers.connection]).toEqual([200, 'keep-alive']);
    const callers = await callersOf(order, system.grpcAddress);

    const stopping = expectOrderlyStop('order');
    await eventually(async () => (await fetch(`${order}/health/ready`)).status === 503);
    const ready = await kept.send('GET', `${order}/health/ready`);
    expect(JSON.parse(ready.body)).toEqual({
      status: 'draining',
      checks: { database: 'up', broker: expect.any(String) },
      required: ['database'],
    });
    expect(ready.headers.connection).toBe('close');
    expect(await grpcHealthOf(system.grpcAddress)).toBe('NOT_SERVING');
    expect(await grpcHealthOf(system.grpcAddress, 'required/database')).toBe('SERVING');
    // On connections that were there and on new ones alike.
    const served = await Promise.all(callers.map((caller, index) => caller.place(2_000 + index)));
    await stopping;

    kept.close();
    for (const caller of callers) caller.close();
    await system.start('order');
    await expectAllCompleted(served);
  });
});

test('clients that do not go on cannot keep the order-service from stopping', async () => {
  const { order } = system.urls;
  await beginPost(`${order}/orders`, JSON.stringify(orderBody()));
  const id = await placeManual();
  const watcher = connectOrders(system.grpcAddress);
  const stream = watchOrder(watcher, id);
  await stream.until('reserved');
  stream.stream.pause();
  const unread = connect(Number(new URL(order).port), '127.0.0.1');
  unread.on('error', () => {}).pause();
  // More than the kernel keeps for somebody who reads nothing.
  for (let index = 0; index < 200; index += 1) unread.write('GET /openapi.json HTTP/1.1\r\nhost: a\r\n\r\n');
  await eventually(async () => (await fetch(`${order}/health/live`)).ok);
  await expectOrderlyStop('order');
  watcher.close();
  unread.destroy();
  await system.start('order');
});

describe('SIGTERM to the processor-service with a hundred payments in flight', () => {
  const placeHundred = async (): Promise<readonly Answer[]> => {
    await sandbox.force('hold', { operations: ['charge'] });
    const answers = await Promise.all(
      Array.from({ length: inFlight }, (_, index) => {
        const caller = httpCaller(witness, system.urls.order);
        return caller.place(3_000 + index).finally(caller.close);
      }),
    );
    await eventually(async () => expect(await sandbox.held()).toBe(inFlight), { withinMs: 30_000 });
    return answers;
  };

  test('finishes them and answers for their messages', async () => {
    const answers = await placeHundred();
    const stopping = expectOrderlyStop('processor');
    await eventually(() => isRefused(system.urls.processor));
    await sandbox.lift();
    await sandbox.releaseHeld();
    await stopping;

    const ids = answers.flatMap((answer) => (answer.outcome === 'accepted' ? [answer.orderId] : []));
    const { rows } = await system.processorDatabase.pool.query(
      'SELECT DISTINCT state FROM sagas WHERE order_id = ANY ($1)',
      [ids],
    );
    expect(rows).toEqual([{ state: 'completed' }]);
    expect(await system.broker.count(queues.orderCreated)).toBe(0);
    await system.start('processor');
    await expectAllCompleted(answers);
  });

  test('that take too long leaves them, and the next process goes on with each where it was', async () => {
    const answers = await placeHundred();
    await expectOrderlyStop('processor');
    expect(await sandbox.held()).toBe(inFlight);
    expect(left('processor')).toContainEqual(['consumer']);

    await sandbox.lift();
    await system.start('processor');
    await sandbox.releaseHeld();
    await expectAllCompleted(answers);
  });
});

describe('a second signal', () => {
  test.each<ServiceName>(['order', 'processor'])('ends the %s-service at once', async (name) => {
    await system.stop(name);
    const child: ChildProcess = await system.start(name, { SHUTDOWN_DELAY_MS: '60000' });
    child.kill('SIGTERM');
    await eventually(async () => (await fetch(`${system.urls[name]}/health/ready`)).status === 503);
    // It would go on serving for a minute.
    child.kill('SIGTERM');
    expect(await child.exited).toEqual({ code: 1, signal: null });
    await system.start(name);
    expect(await checkInvariants(system, witness)).toEqual([]);
  });
});

test.each([
  ['order', 'ORDER_DATABASE_URL'],
  ['processor', 'PROCESSOR_DATABASE_URL'],
] as const)('SIGTERM while the %s-service starts stops it in order', async (name, setting) => {
  await system.stop(name);
  // A database that takes connections and says nothing holds the start up.
  const silent = createServer().listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const { port } = silent.address() as AddressInfo;
  const asked = once(silent, 'connection');
  const child = await system.launch(name, { [setting]: `postgresql://a:b@127.0.0.1:${port}/silent` });
  await asked;
  const stopping = system.stop(name);
  expect(await child.exited).toEqual({ code: 0, signal: null });
  await stopping;
  silent.close();
  await system.start(name);
});
