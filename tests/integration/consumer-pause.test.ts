import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { queues } from '#shared/contracts/topology.ts';
import { AppError } from '#shared/kernel/errors.ts';
import { sleep } from '#shared/kernel/sleep.ts';
import { type IncomingMessage, publishOptions } from '#shared/messaging/message.ts';
import { createTestBroker, type TestBroker } from '../support/broker.ts';
import { eventually } from '../support/eventually.ts';
import { type BrokerAccount, createBrokerAccount } from './support/management.ts';
import { outgoing } from './support/messages.ts';
import { startConsumer } from './support/running-consumer.ts';

const workQueue = queues.orderCreated;
let broker: TestBroker;
let account: BrokerAccount;
let consumer: Awaited<ReturnType<typeof startConsumer>>;
/** Ids of the messages that were delivered, in order. */
let delivered: string[];
let dependency: () => Promise<void>;
/** What the handler waits for; given in advance, unless a test needs a message in hand. */
let effect: PromiseWithResolvers<void>;

beforeAll(async () => {
  broker = await createTestBroker();
  account = await createBrokerAccount(broker);
});
beforeEach(async () => {
  delivered = [];
  dependency = async () => {};
  effect = Promise.withResolvers();
  effect.resolve();
  const handle = async ({ messageId }: IncomingMessage) => {
    delivered.push(messageId);
    await effect.promise;
    await dependency();
  };
  consumer = await startConsumer({ broker, url: account.url, handler: { handle }, concurrency: 2 });
});
afterEach(async () => {
  effect.resolve();
  await consumer.stop();
  await broker.channel.purgeQueue(workQueue);
});
afterAll(async () => {
  await broker.drop();
  await account.remove();
});

/** Sends messages and gives their ids. */
function send(count = 1): string[] {
  return Array.from({ length: count }, () => {
    const message = outgoing();
    broker.channel.publish(message.exchange, message.routingKey, message.body, publishOptions(message));
    return message.messageId;
  });
}

const consumers = async (): Promise<number> => (await broker.channel.checkQueue(workQueue)).consumerCount;
const hasConsumers = (count: number) => eventually(async () => (await consumers()) === count);
const isLeft = (count: number) => eventually(async () => (await broker.count(workQueue)) === count);

/** Breaks the connection, and until the consumer has noticed and is back. */
async function reconnect(): Promise<void> {
  await account.closeConnections();
  await eventually(() => !consumer.isReady(), { everyMs: 1 });
  await eventually(() => consumer.isReady());
}

describe('a consumer that pauses', () => {
  test('leaves messages in the queue, counts as ready, and takes them when it goes on', async () => {
    consumer.pause();
    await hasConsumers(0);
    const ids = send(5);
    await isLeft(5);
    expect(consumer.isReady()).toBe(true);
    expect(delivered).toEqual([]);
    consumer.resume();
    await eventually(() => delivered.length === 5);
    expect(delivered).toEqual(ids);
    await isLeft(0);
  });

  test('finishes and acknowledges what is in hand', async () => {
    effect = Promise.withResolvers();
    const [first, second, ...others] = send(5);
    await eventually(() => delivered.length === 2);
    consumer.pause();
    effect.resolve();
    // A consumer that the broker counts no longer has been cancelled, and has answered for everything it had.
    await hasConsumers(0);
    expect(delivered).toEqual([first, second]);
    expect((await broker.drain(workQueue)).map(({ messageId }) => messageId)).toEqual(others);
  });

  test('tries at once what waits in hand when it goes on', async () => {
    let isAway = true;
    dependency = async () => {
      if (isAway) throw new AppError({ code: 'PAYMENT_UNAVAILABLE', kind: 'unavailable', message: 'away' });
    };
    const [id] = send();
    // By then it waits for almost two seconds at least.
    await eventually(() => delivered.length === 5);
    consumer.pause();
    isAway = false;
    const before = performance.now();
    consumer.resume();
    await eventually(() => delivered.length === 6);
    expect(performance.now() - before).toBeLessThan(1_000);
    expect(delivered).toEqual(Array(6).fill(id));
    await isLeft(0);
  });

  test('keeps its hands off the queue also when it has connected anew, until it goes on', async () => {
    consumer.pause();
    await hasConsumers(0);
    await reconnect();
    const ids = send(2);
    await isLeft(2);
    expect(await consumers()).toBe(0);
    consumer.resume();
    await eventually(() => delivered.length === 2);
    expect(delivered).toEqual(ids);
  });

  test('leaves what the connection took along in the queue', async () => {
    effect = Promise.withResolvers();
    const [id] = send();
    await eventually(() => delivered.length === 1);
    consumer.pause();
    await reconnect();
    await isLeft(1);
    expect(delivered).toEqual([id]);
    effect.resolve();
    consumer.resume();
    await eventually(() => delivered.length === 2);
    await isLeft(0);
  });

  test('may be told to while it has no connection, and to go on as well', async () => {
    await account.closeConnections();
    await eventually(() => !consumer.isReady(), { everyMs: 1 });
    consumer.pause();
    await eventually(() => consumer.isReady());
    send();
    await isLeft(1);
    expect(await consumers()).toBe(0);
    await account.closeConnections();
    await eventually(() => !consumer.isReady(), { everyMs: 1 });
    consumer.resume();
    await eventually(() => delivered.length === 1);
  });

  test('ends in what it was told last, however often and fast it changes, also across connections', async () => {
    for (let round = 0; round < 20; round += 1) {
      consumer.pause();
      consumer.resume();
      if (round === 10) await account.closeConnections();
    }
    await eventually(() => consumer.isReady());
    await hasConsumers(1);
    const ids = send(3);
    await eventually(() => delivered.length === 3);
    expect(delivered).toEqual(ids);
    consumer.resume();
    consumer.pause();
    await hasConsumers(0);
  });

  test('takes no more, when it goes on, before everything in hand is done, and nothing twice', async () => {
    const inHand = Promise.withResolvers<void>();
    dependency = () => (delivered.length === 1 ? inHand.promise : Promise.resolve());
    const ids = send();
    await eventually(() => delivered.length === 1);
    consumer.pause();
    // The broker counts a consumer until it has acknowledged everything, so there is nothing to wait for.
    await sleep(20);
    consumer.resume();
    ids.push(...send(5));
    await isLeft(5);
    await sleep(100);
    expect(delivered).toHaveLength(1);
    inHand.resolve();
    await eventually(() => delivered.length > 5);
    await consumer.stop();
    expect(delivered).toEqual(ids);
    expect(await broker.count(workQueue)).toBe(0);
  });

  test('can be stopped in the middle of a change, and does not go on after that', async () => {
    consumer.pause();
    consumer.resume();
    const stopped = consumer.stop();
    consumer.resume();
    await stopped;
    consumer.resume();
    const ids = send(2);
    await isLeft(2);
    expect(await consumers()).toBe(0);
    expect((await broker.drain(workQueue)).map(({ messageId }) => messageId)).toEqual(ids);
    expect(delivered).toEqual([]);
  });
});
