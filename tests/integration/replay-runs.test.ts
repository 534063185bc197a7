import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { ReplayRun } from '#processor-service/application/ports/replay-runs.ts';
import { deadLetterQueueOf, queues } from '#shared/contracts/topology.ts';
import { systemClock } from '#shared/kernel/clock.ts';
import { AppError, type ErrorCode } from '#shared/kernel/errors.ts';
import { noFailpoints } from '#shared/kernel/failpoints.ts';
import { type Consumer, createConsumer } from '#shared/messaging/consumer.ts';
import type { IncomingMessage } from '#shared/messaging/message.ts';
import { createPublisher, type Publisher } from '#shared/messaging/publisher.ts';
import { createTestBroker, type TestBroker } from '../support/broker.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { type OpenDesk, openDesk } from './support/dead-letter-actions.ts';
import { bury } from './support/dead-letters.ts';
import { testLogger } from './support/logger.ts';
import { orderCreated, outgoing } from './support/messages.ts';

const workQueue = queues.orderCreated;
const deadLetterQueue = deadLetterQueueOf(workQueue);
const otherDeadLetterQueue = deadLetterQueueOf(queues.orderProcessed);
const all = [deadLetterQueue, otherDeadLetterQueue];
let broker: TestBroker;
let database: TestDatabase;
let publisher: Publisher;
let desk: OpenDesk;
/** Another process. */
let otherDesk: OpenDesk;
let consumer: Consumer | undefined;

beforeAll(async () => {
  [broker, database] = await Promise.all([createTestBroker(), createTestDatabase('processor')]);
  publisher = createPublisher({ url: broker.url, name: 'desk', logger: testLogger });
  publisher.start();
  const connections = { brokerUrl: broker.urls.operator, databaseUrl: database.url, publisher };
  desk = openDesk(connections);
  otherDesk = openDesk(connections);
});
beforeEach(async () => {
  for (const queue of [workQueue, queues.orderProcessed, ...all]) await broker.channel.purgeQueue(queue);
  await eventually(() => publisher.isReady());
});
afterEach(async () => {
  await consumer?.stop();
  consumer = undefined;
});
afterAll(async () => {
  await Promise.all([desk.close(), otherDesk.close()]);
  await publisher.stop();
  await Promise.all([broker.drop(), database.drop()]);
});

async function burySome(count: number, options: Parameters<typeof bury>[1] = {}): Promise<string[]> {
  const buried = Array.from({ length: count }, () => bury(publisher, options));
  return (await Promise.all(buried)).map(({ messageId }) => messageId);
}

async function waitingIn(queue: string): Promise<string[]> {
  return (await broker.drain(queue)).map(({ messageId }) => messageId);
}

const begin = (wish: { selection?: object; ratePerSecond?: number } = {}): Promise<ReplayRun> =>
  desk.replays.begin({
    selection: { queues: all, ...wish.selection },
    ratePerSecond: wish.ratePerSecond ?? 1_000,
    operator: 'alice',
  });

/** Carries it out, and tells how it went. */
async function carryOut(run: ReplayRun, by = desk) {
  const batches: number[] = [];
  await by.carryOut(run, { operator: 'alice', onProgress: ({ batch }) => batches.push(batch) });
  return { ...(await desk.replays.find(run.id)), batches };
}

/** Consumes the work queue; messages whose type ends in something else than `fine` die of `code`. */
async function consume(failWith: (message: IncomingMessage) => ErrorCode | undefined): Promise<string[]> {
  const handled: string[] = [];
  consumer = createConsumer({
    url: broker.url,
    name: 'consumer',
    queue: workQueue,
    concurrency: 100,
    retryDelaysMs: broker.retryDelaysMs,
    handler: {
      async handle(message) {
        handled.push(message.messageId);
        const code = failWith(message);
        if (code) throw new AppError({ code, kind: 'permanent', message: 'it fails' });
      },
    },
    publisher,
    clock: systemClock,
    failpoint: noFailpoints,
    logger: testLogger,
  });
  consumer.start();
  await eventually(() => consumer!.isReady());
  return handled;
}

/** Lets messages die as they do in life. */
async function letDie(count: number): Promise<string[]> {
  const before = await broker.count(deadLetterQueue);
  const ids = Array.from({ length: count }, () => orderCreated()).map(async (event) => {
    await publisher.publish(outgoing({ messageId: event.id, body: Buffer.from(JSON.stringify(event)) }));
    return event.id;
  });
  await eventually(async () => (await broker.count(deadLetterQueue)) === before + count);
  return Promise.all(ids);
}

describe('a replay of many letters', () => {
  test('sends all back in their order, in batches that grow', async () => {
    const ids = await burySome(45);
    await burySome(2, { queue: queues.orderProcessed, routingKey: 'order.paid' });
    const run = await carryOut(await begin());
    expect(run).toMatchObject({ status: 'finished', replayed: 47, reason: null });
    expect(run.batches).toEqual([1, 2, 5, 10, 20, 7, 2]);
    const replayed = await broker.drain(workQueue);
    expect(replayed.map(({ messageId }) => messageId)).toEqual(ids);
    expect(replayed.every(({ headers }) => headers['x-replay-run'] === run.id)).toBe(true);
    expect(await broker.count(queues.orderProcessed)).toBe(2);
    const history = await desk.history({ replayRunId: run.id, limit: 100 });
    expect(history.map(({ action, outcome }) => `${action} ${outcome}`)).toEqual(
      Array(47).fill('replay done'),
    );
  });

  test('passes over a letter of which our client cannot write a copy', async () => {
    const way = { 'x-original-exchange': 'orders', 'x-original-routing-key': 'order.created' };
    // A table with a name that is special to the client: it reads it, and does not write it.
    const headers = { ...way, odd: { '!': 'object', value: { '!': 'odd' } } };
    const { messageId } = await bury(publisher, { message: { headers } });
    await burySome(5);
    const run = await carryOut(await begin());
    expect(run).toMatchObject({ status: 'finished', replayed: 5 });
    expect(run.reason).toMatch(`1 could not be sent, because message ${messageId} cannot be written`);
    expect((await broker.drain(deadLetterQueue)).map((letter) => letter.messageId)).toEqual([messageId]);
  });

  test('passes over what cannot be sent, and says so at the end', async () => {
    const headers = { 'x-original-exchange': 'nope', 'x-replay-count': 3_000_000_000 };
    const { messageId } = await bury(publisher, { message: { headers } });
    const strange = { 'x-failed-at': '+012345-01-01T00:00:00Z', 'x-original-exchange': 'orders' };
    const past = { ...strange, 'x-original-routing-key': 'order.created', 'x-replay-count': 3_000_000_000 };
    await bury(publisher, { message: { headers: past } });
    await burySome(5);
    const run = await carryOut(await begin());
    expect(run).toMatchObject({ status: 'finished', replayed: 6 });
    expect(run.reason).toMatch(/^1 could not be sent, because no queue takes .*"nope"/);
    expect((await broker.drain(deadLetterQueue)).map((letter) => letter.messageId)).toEqual([messageId]);
  });

  test('keeps to the rate', async () => {
    await burySome(30);
    const began = Date.now();
    const { batches } = await carryOut(await begin({ ratePerSecond: 20 }));
    expect(batches).toEqual([1, 2, 5, 10, 12]);
    // 18 letters go before the last batch, and 30 with it.
    expect(Date.now() - began).toBeGreaterThanOrEqual(1_480);
  });

  test('holds nothing between its batches', async () => {
    await burySome(8);
    const left: number[] = [];
    const run = await begin();
    await desk.carryOut(run, {
      operator: 'alice',
      onProgress: () => {
        void eventually(
          async () => {
            const count = await broker.count(deadLetterQueue);
            return count > 0 && left.push(count);
          },
          { withinMs: 150 },
        ).catch(() => undefined);
      },
    });
    expect(left).toEqual([7, 5]);
  });

  test('replays what was selected and leaves the others in their order', async () => {
    const pattern = ['a', 'b', 'b', 'a', 'b', 'a', 'a', 'b'];
    const ids: string[] = [];
    for (const type of pattern) ids.push(...(await burySome(1, { message: { type } })));
    const of = (type: string) => ids.filter((_, index) => pattern[index] === type);
    expect(await carryOut(await begin({ selection: { types: ['a'] } }))).toMatchObject({ replayed: 4 });
    expect(await waitingIn(workQueue)).toEqual(of('a'));
    expect(await carryOut(await begin({ selection: { ids: of('b').slice(1, 3) } }))).toMatchObject({
      replayed: 2,
    });
    expect(await waitingIn(workQueue)).toEqual(of('b').slice(1, 3));
    expect(await waitingIn(deadLetterQueue)).toEqual([of('b')[0], of('b')[3]]);
  });

  test('leaves what dies while it is going on', async () => {
    const [before] = await burySome(1);
    const run = await begin();
    const origin = { 'x-original-exchange': 'orders', 'x-original-routing-key': 'order.created' };
    const dead = { ...origin, 'x-failed-at': new Date(Date.now() + 60_000).toISOString() };
    const [after] = await burySome(1, { message: { headers: dead } });
    // It does not say when it died, but who had sent it.
    const [again] = await burySome(1, { message: { headers: { ...origin, 'x-replay-run': run.id } } });
    expect(await carryOut(run)).toMatchObject({ status: 'finished', replayed: 1 });
    expect(await waitingIn(workQueue)).toEqual([before]);
    expect(await waitingIn(deadLetterQueue)).toEqual([after, again]);
  });
});

describe('a replay whose letters die again', () => {
  test('halts after the first one that dies of the same, and says why', async () => {
    const handled = await consume(() => 'PAYMENT_PROTOCOL_ERROR');
    const ids = await letDie(20);
    handled.length = 0;
    const run = await carryOut(await begin());
    expect(run).toMatchObject({
      status: 'halted',
      reason: expect.stringMatching(
        new RegExp(`^${ids[0]} came back with fingerprint \\w+: PAYMENT_PROTOCOL_ERROR, it fails$`),
      ),
      replayed: 1,
      endedAt: expect.any(Date),
    });
    expect(handled).toEqual([ids[0]]);
    expect(await broker.count(deadLetterQueue)).toBe(20);
  });

  test('goes on when they die of something else, and sends none of them twice', async () => {
    let code: ErrorCode = 'PAYMENT_PROTOCOL_ERROR';
    const handled = await consume(() => code);
    const ids = await letDie(20);
    handled.length = 0;
    code = 'MALFORMED_MESSAGE';
    expect(await carryOut(await begin())).toMatchObject({ status: 'finished', replayed: 20 });
    expect(handled.toSorted()).toEqual(ids.toSorted());
    expect(await broker.count(deadLetterQueue)).toBe(20);
  });

  test('goes on when others die of the same', async () => {
    await consume(({ replayCount }) => (replayCount > 0 ? undefined : 'PAYMENT_PROTOCOL_ERROR'));
    await letDie(10);
    const run = await begin();
    const carriedOut = carryOut(run);
    await eventually(async () => (await desk.replays.find(run.id)).replayed === 1);
    await publisher.publish(outgoing({ messageId: 'newcomer' }));
    expect(await carriedOut).toMatchObject({ status: 'finished', replayed: 10 });
    expect(await waitingIn(deadLetterQueue)).toEqual(['newcomer']);
  });
});

describe('a replay that is ended early', () => {
  test('stops when somebody in another process asks for it', async () => {
    await burySome(100);
    const run = await begin({ ratePerSecond: 5 });
    const carriedOut = carryOut(run);
    await eventually(async () => (await otherDesk.replays.find(run.id)).replayed >= 3);
    expect(await otherDesk.replays.stop(run.id, 'bob')).toMatchObject({
      status: 'stopped',
      reason: 'stopped by bob',
    });
    const { status, replayed } = await carriedOut;
    expect(status).toBe('stopped');
    expect(replayed).toBeLessThan(20);
    expect(await waitingIn(workQueue)).toHaveLength(replayed);
    expect(await waitingIn(deadLetterQueue)).toHaveLength(100 - replayed);
    expect(await desk.replays.stop(run.id, 'alice')).toMatchObject({ reason: 'stopped by bob' });
  });

  test('is resumed where it was left, by one of those who try', async () => {
    const ids = await burySome(20);
    const run = await begin();
    const leaving = new AbortController();
    await desk.carryOut(run, {
      operator: 'alice',
      signal: leaving.signal,
      onProgress: ({ letters }) => letters > 2 && leaving.abort(),
    });
    expect(await desk.replays.find(run.id)).toMatchObject({ status: 'interrupted', replayed: 3 });

    const attempts = await Promise.allSettled(
      [desk, otherDesk, desk, otherDesk].map((by) => by.replays.resume(run.id, 'bob')),
    );
    expect(attempts.map(({ status }) => status).toSorted()).toEqual([
      'fulfilled',
      ...Array(3).fill('rejected'),
    ]);
    expect(await carryOut(await desk.replays.find(run.id), otherDesk)).toMatchObject({
      status: 'finished',
      replayed: 20,
    });
    expect(await waitingIn(workQueue)).toEqual(ids);
    expect(await desk.history({ replayRunId: run.id, limit: 100 })).toContainEqual(
      expect.objectContaining({ action: 'resume', operator: 'bob', outcome: 'done' }),
    );
  });

  test('counts as interrupted when whoever carried it out has been silent for 15 s', async () => {
    const run = await begin();
    const silentFor = (seconds: number) =>
      database.pool.query(
        `UPDATE replay_runs SET updated_at = now() - $1 * interval '1 second' WHERE id = $2`,
        [seconds, run.id],
      );
    await silentFor(14);
    expect((await desk.replays.find(run.id)).status).toBe('running');
    await expect(desk.replays.resume(run.id, 'bob')).rejects.toMatchObject({
      code: 'REPLAY_RUN_CONFLICT',
      data: { allowed: ['interrupted', 'stopped', 'halted'] },
    });
    await silentFor(16);
    expect((await desk.replays.find(run.id)).status).toBe('interrupted');
    expect((await desk.replays.resume(run.id, 'bob')).status).toBe('running');
  });

  test('gives a sign of life every few seconds, also while a batch rests', async () => {
    await burySome(4);
    const run = await begin({ ratePerSecond: 1 });
    const leaving = new AbortController();
    const carriedOut = desk.carryOut(run, { operator: 'alice', signal: leaving.signal });
    await eventually(async () => (await desk.replays.find(run.id)).replayed > 2);
    const { updatedAt } = await desk.replays.find(run.id);
    await eventually(async () => (await desk.replays.find(run.id)).updatedAt > updatedAt, {
      withinMs: 5_000,
    });
    leaving.abort();
    await carriedOut;
  });

  test('cannot be stopped or resumed once it is finished, and has to exist', async () => {
    const run = await carryOut(await begin());
    expect(run.status).toBe('finished');
    await expect(desk.replays.stop(run.id, 'bob')).rejects.toMatchObject({ code: 'REPLAY_RUN_CONFLICT' });
    await expect(desk.replays.resume(run.id, 'bob')).rejects.toMatchObject({ code: 'REPLAY_RUN_CONFLICT' });
    for (const act of [desk.replays.stop, desk.replays.resume]) {
      await expect(act(orderCreated().id, 'bob')).rejects.toMatchObject({ code: 'REPLAY_RUN_NOT_FOUND' });
    }
  });
});
