import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { connect } from 'amqplib';
import {
  createDeadLetterDesk,
  type DeadLetterDesk,
} from '#processor-service/application/dead-letter-desk.ts';
import { createDeadLetterQueues } from '#processor-service/infrastructure/rabbitmq/dead-letter-queues.ts';
import { deadLetterQueueOf, exchanges, queues } from '#shared/contracts/topology.ts';
import { systemClock } from '#shared/kernel/clock.ts';
import { publishOptions } from '#shared/messaging/message.ts';
import { createPublisher, type Publisher } from '#shared/messaging/publisher.ts';
import { createTestBroker, type TestBroker } from '../support/broker.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { bury, locksOf } from './support/dead-letters.ts';
import { testLogger } from './support/logger.ts';
import { outgoing } from './support/messages.ts';
import { createNetworkLink, type NetworkLink } from './support/network-link.ts';

const workQueue = queues.orderCreated;
const deadLetterQueue = deadLetterQueueOf(workQueue);
const otherDeadLetterQueue = deadLetterQueueOf(queues.orderProcessed);
const all = [deadLetterQueue, otherDeadLetterQueue];
let broker: TestBroker;
let database: TestDatabase;
let publisher: Publisher;
/** Another one, whose way to the broker can be cut. */
let cutOff: Publisher;
let link: NetworkLink;
let desk: DeadLetterDesk;

beforeAll(async () => {
  [broker, database] = await Promise.all([createTestBroker(), createTestDatabase('processor')]);
  // The event log takes everything; without it a message can be unroutable.
  await broker.channel.unbindQueue(queues.eventLog, exchanges.orders, '#');
  publisher = createPublisher({ url: broker.url, name: 'desk', logger: testLogger });
  publisher.start();
  link = await createNetworkLink(broker.url);
  cutOff = createPublisher({ url: link.url, name: 'desk', logger: testLogger });
  cutOff.start();
  desk = deskWith(publisher);
});
beforeEach(async () => {
  for (const queue of [workQueue, ...all]) await broker.channel.purgeQueue(queue);
  await eventually(() => publisher.isReady());
});
afterAll(async () => {
  await Promise.all([publisher.stop(), cutOff.stop()]);
  await link.dispose();
  await Promise.all([broker.drop(), database.drop()]);
});

function deskWith(sender: Publisher): DeadLetterDesk {
  const deadLetters = createDeadLetterQueues({
    url: broker.url,
    publisher: sender,
    locks: locksOf(database.url),
  });
  return createDeadLetterDesk({ deadLetters, clock: systemClock });
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const collected: T[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}

async function listed(): Promise<string[]> {
  return (await collect(desk.list(all))).map(({ id }) => id);
}

async function burySome(count: number): Promise<string[]> {
  const ids: string[] = [];
  for (let index = 0; index < count; index += 1) ids.push((await bury(publisher)).messageId);
  return ids;
}

async function waitingIn(queue: string): Promise<string[]> {
  return (await broker.drain(queue)).map(({ messageId }) => messageId);
}

describe('looking at dead letters', () => {
  test('lists those of all queues with their reasons, oldest first', async () => {
    const other = await bury(publisher, { queue: queues.orderProcessed, message: { type: 'order.paid.v1' } });
    const [first, second] = await burySome(2);
    const letters = await collect(desk.list(all));
    expect(letters.map(({ id }) => id)).toEqual([first, second, other.messageId]);
    expect(letters[2]).toEqual({
      id: other.messageId,
      queue: otherDeadLetterQueue,
      type: 'order.paid.v1',
      orderId: JSON.parse(other.body.toString()).subject,
      errorCode: 'PAYMENT_UNAVAILABLE',
      errorMessage: 'the provider answered 500',
      frame: 'processor-service/src/application/process-order.ts pay',
      fingerprint: expect.stringMatching(/^[0-9a-f]{8}$/),
      attempts: 6,
      replayCount: 0,
      firstFailedAt: '2026-11-20T10:00:00.000Z',
      failedAt: '2026-11-20T10:12:36.000Z',
    });
  });

  test('shows one whole, and says when there is no such message or queue', async () => {
    await bury(publisher);
    const message = await bury(publisher);
    expect(await desk.show(all, message.messageId)).toMatchObject({
      id: message.messageId,
      exchange: 'orders',
      routingKey: 'order.created',
      headers: message.headers,
      body: message.body.toString(),
    });
    await expect(desk.show(all, 'nobody')).rejects.toMatchObject({ code: 'MESSAGE_NOT_FOUND' });
    await expect(desk.show(['no.such.queue'], 'nobody')).rejects.toMatchObject({ code: 'QUEUE_NOT_FOUND' });
  });

  test('loses nothing and keeps the order, however often somebody looks', async () => {
    const ids = await burySome(5);
    for (let round = 0; round < 50; round += 1) {
      expect(await listed()).toEqual(ids);
      // Breaking off in the middle is looking as well.
      await desk.show(all, ids[2]!);
    }
    expect(await waitingIn(deadLetterQueue)).toEqual(ids);
  });
});

describe('replaying dead letters', () => {
  test('sends one back to where it came from, with a clean record, and leaves the others', async () => {
    const before = await bury(publisher);
    const message = await bury(publisher, { message: { headers: { ...before.headers, tenant: 'a' } } });
    const after = await bury(publisher);
    const at = Date.now();
    expect(await desk.replay(all, message.messageId, 'alice')).toMatchObject({ id: message.messageId });

    const [replayed, ...more] = await broker.drain(workQueue);
    expect(more).toEqual([]);
    expect(replayed).toMatchObject({
      messageId: message.messageId,
      type: message.type,
      correlationId: message.correlationId,
      exchange: 'orders',
      routingKey: 'order.created',
      failedAttempts: 0,
      replayCount: 1,
      headers: { tenant: 'a', 'x-replayed-by': 'alice' },
    });
    expect(replayed!.body).toEqual(message.body);
    expect(Object.keys(replayed!.headers).filter((name) => /failed-at|error|attempts/.test(name))).toEqual(
      [],
    );
    expect(Date.parse(String(replayed!.headers['x-replayed-at']))).toBeGreaterThanOrEqual(at);
    expect(await waitingIn(deadLetterQueue)).toEqual([before.messageId, after.messageId]);
  });

  test('counts how often', async () => {
    await bury(publisher, {
      message: {
        messageId: 'again',
        headers: {
          'x-original-exchange': 'orders',
          'x-original-routing-key': 'order.created',
          'x-replay-count': 2,
        },
      },
    });
    await desk.replay(all, 'again', 'alice');
    expect((await broker.drain(workQueue))[0]).toMatchObject({ replayCount: 3 });
  });

  test('sends all back in their order', async () => {
    const ids = await burySome(20);
    const replayed = await collect(desk.replayAll([deadLetterQueue], 'alice'));
    expect(replayed.map(({ id }) => id)).toEqual(ids);
    expect(await waitingIn(workQueue)).toEqual(ids);
    expect(await waitingIn(deadLetterQueue)).toEqual([]);
  });

  test.each([
    ['no queue wants it any more', 'orders', 'PUBLISH_RETURNED'],
    ['its exchange is gone', 'no-such-exchange', 'PUBLISH_UNCONFIRMED'],
  ])('keeps a letter that nobody took, and those behind it: %s', async (_, exchange, code) => {
    const [sent] = await burySome(1);
    const stuck = await bury(publisher, {
      message: { headers: { 'x-original-exchange': exchange, 'x-original-routing-key': 'nobody.listens' } },
    });
    const [behind] = await burySome(1);
    await expect(collect(desk.replayAll(all, 'alice'))).rejects.toMatchObject({ code });
    expect(await waitingIn(workQueue)).toEqual([sent]);
    expect(await waitingIn(deadLetterQueue)).toEqual([stuck.messageId, behind]);
  });

  test('keeps a letter whose confirm was lost: twice is better than never', async () => {
    await eventually(() => cutOff.isReady());
    const [id] = await burySome(1);
    link.holdAnswers();
    const replay = deskWith(cutOff).replay(all, id!, 'alice');
    const outcome = replay.catch((error: { code: string }) => error.code);
    await eventually(async () => (await broker.count(workQueue)) === 1);
    link.cut();
    expect(await outcome).toBe('PUBLISH_UNCONFIRMED');
    expect(await waitingIn(deadLetterQueue)).toEqual([id]);
  });
});

describe('discarding dead letters', () => {
  test('removes the one, and only that', async () => {
    const [first, second, third] = await burySome(3);
    await desk.discard(all, second!);
    expect(await waitingIn(deadLetterQueue)).toEqual([first, third]);
    expect(await waitingIn(workQueue)).toEqual([]);
    await expect(desk.discard(all, second!)).rejects.toMatchObject({ code: 'MESSAGE_NOT_FOUND' });
  });
});

describe('dead letters of foreign origin', () => {
  test('can be named by their body when they carry no id', async () => {
    for (const body of ['rubbish', 'other rubbish']) {
      broker.channel.sendToQueue(deadLetterQueue, Buffer.from(body), {
        headers: { 'x-original-exchange': 'orders', 'x-original-routing-key': 'order.created' },
      });
    }
    await eventually(async () => (await broker.count(deadLetterQueue)) === 2);
    const letters = await collect(desk.list(all));
    expect(letters.map(({ id, errorCode, orderId }) => [id, errorCode, orderId])).toEqual([
      [expect.stringMatching(/^sha256-[0-9a-f]{16}$/), 'UNKNOWN', undefined],
      [expect.stringMatching(/^sha256-[0-9a-f]{16}$/), 'UNKNOWN', undefined],
    ]);
    expect(await desk.show(all, letters[1]!.id)).toMatchObject({ body: 'other rubbish' });
    await desk.replay(all, letters[0]!.id, 'alice');
    await desk.discard(all, letters[1]!.id);
    expect((await broker.drain(workQueue)).map(({ body }) => body.toString())).toEqual(['rubbish']);
    expect(await waitingIn(deadLetterQueue)).toEqual([]);
  });

  test('are shown and replayed also when the broker itself gave them up', async () => {
    const message = outgoing();
    broker.channel.publish('orders', 'order.created', message.body, publishOptions(message));
    const connection = await connect(broker.url);
    // Delivered without an answer until the broker has had enough.
    await eventually(async () => {
      const channel = await connection.createChannel();
      await channel.get(workQueue);
      await channel.close();
      return (await broker.count(deadLetterQueue)) === 1;
    });
    const [letter] = await collect(desk.list(all));
    expect(letter).toMatchObject({
      id: message.messageId,
      errorCode: 'DELIVERY_LIMIT',
      errorMessage: 'the broker gave it up',
    });
    await connection.close();
    await desk.replay(all, message.messageId, 'alice');
    const [replayed] = await broker.drain(workQueue);
    expect(replayed).toMatchObject({
      messageId: message.messageId,
      exchange: 'orders',
      routingKey: 'order.created',
      replayCount: 1,
      unansweredDeliveries: 0,
    });
    // The broker's own books about its first life are closed.
    expect(Object.keys(replayed!.headers).filter((name) => name.includes('death'))).toEqual([]);
  });
});
