import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { buildTopology, deadLetterQueueOf, exchanges, queues } from '#shared/contracts/topology.ts';
import { AppError } from '#shared/kernel/errors.ts';
import { declareTopology } from '#shared/messaging/declare-topology.ts';
import { type IncomingMessage, publishOptions } from '#shared/messaging/message.ts';
import { createTestBroker, type TestBroker } from '../support/broker.ts';
import { eventually } from '../support/eventually.ts';
import { type BrokerAccount, createBrokerAccount, manage } from './support/management.ts';
import { outgoing } from './support/messages.ts';
import { createNetworkLink, type NetworkLink } from './support/network-link.ts';
import { startConsumer } from './support/running-consumer.ts';

const workQueue = queues.orderCreated;
const deadLetterQueue = deadLetterQueueOf(workQueue);
let broker: TestBroker;
let account: BrokerAccount;
let link: NetworkLink;
/** What handlers wait for in the tests that need to look meanwhile. */
let effect: PromiseWithResolvers<void>;
let consumer: Awaited<ReturnType<typeof startConsumer>>;

beforeAll(async () => {
  broker = await createTestBroker();
  account = await createBrokerAccount(broker);
  link = await createNetworkLink(broker.url);
});
beforeEach(() => {
  effect = Promise.withResolvers();
});
afterEach(async () => {
  effect.resolve();
  await consumer.stop();
  await broker.channel.purgeQueue(workQueue);
  await broker.channel.purgeQueue(deadLetterQueue);
});
afterAll(async () => {
  await link.dispose();
  await broker.drop();
  await account.remove();
});

async function consume(
  handle: (message: IncomingMessage) => Promise<void>,
  options: { url?: string; concurrency?: number } = {},
): Promise<void> {
  consumer = await startConsumer({ broker, url: account.url, handler: { handle }, ...options });
}

/** Sends messages and gives their ids. */
function send(count = 1): string[] {
  return Array.from({ length: count }, () => {
    const message = outgoing();
    broker.channel.publish(message.exchange, message.routingKey, message.body, publishOptions(message));
    return message.messageId;
  });
}

describe('the consumer and its connection', () => {
  test('acknowledges after the effect: what was in hand when the connection went comes again', async () => {
    const deliveries: string[] = [];
    await consume(async ({ messageId }) => {
      deliveries.push(messageId);
      if (deliveries.length === 1) await effect.promise;
    });
    const [id] = send();
    await eventually(() => deliveries.length === 1);
    await account.closeConnections();
    await eventually(() => deliveries.length === 2);
    effect.resolve();
    await consumer.stop();
    expect(deliveries).toEqual([id, id]);
    expect(await broker.count(workQueue)).toBe(0);
  });

  test('has back a binding that was deleted as soon as it subscribes again', async () => {
    const handled: string[] = [];
    await consume(async ({ messageId }) => void handled.push(messageId));
    await broker.channel.unbindQueue(workQueue, exchanges.orders, 'order.created');
    const [missed] = send();
    // An answer on the same channel: the message before it has been routed, to nobody.
    expect(await broker.count(workQueue)).toBe(0);
    await account.closeConnections();
    await eventually(async () => (await bindingsOfWorkQueue()).includes('order.created'));
    const [routed] = send();
    await eventually(() => handled.includes(routed!));
    expect(handled).not.toContain(missed);
  });

  test('subscribes again when its queue was deleted and is declared anew', async () => {
    const handled: string[] = [];
    await consume(async ({ messageId }) => void handled.push(messageId));
    await broker.channel.deleteQueue(workQueue);
    await eventually(() => !consumer.isReady());
    await declareTopology(broker.url, buildTopology(broker.retryDelaysMs));
    await eventually(() => consumer.isReady());
    const ids = send(3);
    await eventually(() => handled.length === 3);
    expect(handled).toEqual(ids);
  });
});

describe('stopping the consumer', () => {
  test('finishes what is in hand and leaves the rest', async () => {
    const handled: string[] = [];
    await consume(
      async ({ messageId }) => {
        handled.push(messageId);
        await effect.promise;
      },
      { concurrency: 2 },
    );
    const ids = send(5);
    await eventually(() => handled.length === 2);
    const stopped = consumer.stop();
    // Time enough to end without the two, if it did not care.
    await Promise.race([stopped, new Promise((resolve) => setTimeout(resolve, 50))]);
    effect.resolve();
    await stopped;
    expect(handled).toEqual(ids.slice(0, 2));
    const left = await broker.drain(workQueue);
    expect(left.map(({ messageId, unansweredDeliveries }) => [messageId, unansweredDeliveries])).toEqual(
      ids.slice(2).map((id) => [id, 0]),
    );
  });

  test('does not wait for a dependency that is away', async () => {
    let attempts = 0;
    await consume(async () => {
      attempts += 1;
      throw new AppError({ code: 'DATABASE_UNAVAILABLE', kind: 'unavailable', message: 'away' });
    });
    const [id] = send();
    await eventually(() => attempts > 1);
    await consumer.stop();
    await eventually(async () => (await broker.count(workQueue)) === 1);
    const left = await broker.drain(workQueue);
    expect(left.map(({ messageId, failedAttempts }) => [messageId, failedAttempts])).toEqual([[id, 0]]);
  });
});

describe('a message that ends whoever handles it', () => {
  test('is parked as poison, and the messages around it are handled', async () => {
    const [before, one, between, other, after] = [3, 1, 3, 1, 3].map((count) => send(count));
    const poison = [...one!, ...other!];
    const neighbours = [...before!, ...between!, ...after!];
    const handled = new Set<string>();
    let deaths = 0;
    let isDying = false;
    await consume(
      async ({ messageId }) => {
        if (isDying) return;
        if (poison.includes(messageId)) {
          // A process that dies is, to the broker, a connection that breaks with everything unanswered …
          deaths += 1;
          isDying = true;
          link.cut();
          await eventually(() => !consumer.isReady(), { everyMs: 5 });
          isDying = false;
          return;
        }
        // … and it takes with it what it was working on.
        const deathsBefore = deaths;
        await new Promise((resolve) => setTimeout(resolve, 10));
        if (deaths === deathsBefore) handled.add(messageId);
      },
      { url: link.url, concurrency: 20 },
    );
    await eventually(
      async () => (await broker.count(deadLetterQueue)) >= 2 && handled.size === neighbours.length,
    );
    await consumer.stop();

    expect(await broker.count(workQueue)).toBe(0);
    const letters = await broker.drain(deadLetterQueue);
    expect(letters.map(({ messageId, headers }) => [messageId, headers['x-error-code']])).toEqual(
      poison.map((id) => [id, 'POISON_MESSAGE']),
    );
  });
});

async function bindingsOfWorkQueue(): Promise<string[]> {
  const path = `/api/queues/${broker.virtualHost}/${workQueue}/bindings`;
  const bindings = (await manage('GET', path)) as { source: string; routing_key: string }[];
  return bindings.filter(({ source }) => source === exchanges.orders).map((binding) => binding.routing_key);
}
