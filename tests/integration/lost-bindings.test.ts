import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createDeadLetterQueues } from '#processor-service/infrastructure/rabbitmq/dead-letter-queues.ts';
import { deadLetterQueueOf, exchanges, queues } from '#shared/contracts/topology.ts';
import { publishOptions } from '#shared/messaging/message.ts';
import { createPublisher, type Publisher } from '#shared/messaging/publisher.ts';
import { createTestBroker, type TestBroker } from '../support/broker.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { openDesk } from './support/dead-letter-actions.ts';
import { bury, locksOf } from './support/dead-letters.ts';
import { testLogger } from './support/logger.ts';
import { outgoing } from './support/messages.ts';
import { startConsumer } from './support/running-consumer.ts';

// The event log takes every message here, as it does in production: nothing is ever returned as unroutable.
const workQueue = queues.orderCreated;
const deadLetterQueue = deadLetterQueueOf(workQueue);
let broker: TestBroker;
let database: TestDatabase;
let publisher: Publisher;

beforeAll(async () => {
  [broker, database] = await Promise.all([createTestBroker(), createTestDatabase('processor')]);
  publisher = createPublisher({ url: broker.url, name: 'test', logger: testLogger });
  publisher.start();
  await eventually(() => publisher.isReady());
});
afterAll(async () => {
  await publisher.stop();
  await Promise.all([broker.drop(), database.drop()]);
});

async function loseBinding(): Promise<void> {
  await broker.channel.unbindQueue(workQueue, exchanges.orders, 'order.created');
}

test('a replay reaches the work queue although its binding was gone', async () => {
  const desk = openDesk({ brokerUrl: broker.urls.operator, databaseUrl: database.url, publisher });
  const buried = [await bury(publisher), await bury(publisher)];

  await loseBinding();
  await desk.replay({ id: buried[0]!.messageId, queues: [deadLetterQueue], operator: 'alice' });
  await loseBinding();
  const wish = { selection: { queues: [deadLetterQueue] }, ratePerSecond: 100, operator: 'alice' };
  await desk.carryOut(await desk.replays.begin(wish), wish);

  const back = await eventually(async () => {
    const found = await broker.drain(workQueue);
    return found.length > 0 && found;
  });
  expect(back.map(({ messageId }) => messageId)).toEqual(buried.map(({ messageId }) => messageId));
  expect(await broker.count(deadLetterQueue)).toBe(0);
  await desk.close();
});

test('a subscribed consumer brings a lost binding back by itself', async () => {
  const handled: string[] = [];
  const consumer = await startConsumer({
    broker,
    handler: { handle: async ({ messageId }) => void handled.push(messageId) },
  });
  try {
    await loseBinding();
    await eventually(() => {
      const message = outgoing();
      broker.channel.publish(message.exchange, message.routingKey, message.body, publishOptions(message));
      return handled.length > 0;
    });
  } finally {
    await consumer.stop();
  }
});

test('looking again at once finds everything that was put back', async () => {
  const deadLetters = createDeadLetterQueues({ url: broker.url, publisher, locks: locksOf(database.url) });
  for (let count = 0; count < 12; count += 1) await bury(publisher);
  for (let round = 0; round < 60; round += 1) {
    let seen = 0;
    for await (const letter of deadLetters.browse(deadLetterQueue))
      seen += letter.message.body.length > 0 ? 1 : 0;
    expect(seen).toBe(12);
  }
});
