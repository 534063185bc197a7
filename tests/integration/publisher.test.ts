import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { buildTopology, logs } from '#shared/contracts/topology.ts';
import { sleep } from '#shared/kernel/sleep.ts';
import { declareTopology } from '#shared/messaging/declare-topology.ts';
import type { OutgoingMessage } from '#shared/messaging/message.ts';
import { createPublisher, type Publisher } from '#shared/messaging/publisher.ts';
import { createTestBroker, type TestBroker } from '../support/broker.ts';
import { eventually } from '../support/eventually.ts';
import { testLogger } from './support/logger.ts';
import { createBrokerAccount } from './support/management.ts';
import { outgoing } from './support/messages.ts';
import { createNetworkLink, type NetworkLink } from './support/network-link.ts';

const target = 'publisher-target';
let broker: TestBroker;
let link: NetworkLink;

beforeAll(async () => {
  broker = await createTestBroker();
  link = await createNetworkLink(broker.url);
  await broker.channel.assertQueue(target, { durable: true });
});
afterAll(async () => {
  await link.dispose();
  await broker.drop();
});

/** A message that goes straight into the queue `target`. */
function routable(overrides: Partial<OutgoingMessage> = {}): OutgoingMessage {
  return outgoing({ exchange: '', routingKey: target, ...overrides });
}

function unroutable(overrides: Partial<OutgoingMessage> = {}): OutgoingMessage {
  return outgoing({ exchange: '', routingKey: 'no-such-queue', ...overrides });
}

async function outcomeOf(publishing: Promise<void>): Promise<string> {
  return publishing.then(
    () => 'confirmed',
    (error: { code: string }) => error.code,
  );
}

async function withPublisher(url: string, work: (publisher: Publisher) => Promise<void>): Promise<void> {
  const publisher = createPublisher({ url, name: 'publisher under test', logger: testLogger });
  publisher.start();
  try {
    await eventually(() => publisher.isReady());
    await work(publisher);
  } finally {
    await publisher.stop();
  }
}

describe('the publisher', () => {
  test('resolves when the message is in the queue, durable and described by its properties', async () => {
    const message = routable({ body: Buffer.from('{"a":1}'), headers: { 'x-attempts': 2 } });
    await withPublisher(broker.url, (publisher) => publisher.publish(message));

    const stored = await broker.channel.get(target, { noAck: true });
    if (!stored) throw new Error('the queue is empty');
    expect(stored.content.toString()).toBe('{"a":1}');
    expect(stored.properties).toMatchObject({
      messageId: message.messageId,
      type: message.type,
      correlationId: message.correlationId,
      timestamp: Math.floor(message.time.getTime() / 1000),
      contentType: 'application/cloudevents+json',
      deliveryMode: 2,
      headers: { 'x-attempts': 2 },
    });
  });

  test('fails for the message that no queue wants, and for that one only', async () => {
    await withPublisher(broker.url, async (publisher) => {
      const outcomes = await Promise.all(
        [
          routable(),
          unroutable(),
          routable(),
          outgoing({ routingKey: target, exchange: 'orders.inquiries' }),
        ].map((message) => outcomeOf(publisher.publish(message))),
      );
      expect(outcomes).toEqual(['confirmed', 'PUBLISH_RETURNED', 'confirmed', 'PUBLISH_RETURNED']);
    });
    expect(await broker.drain(target)).toHaveLength(2);
  });

  test('gives each of many copies of one message at once its own outcome', async () => {
    const [open, missing] = ['publisher-open', 'publisher-missing'];
    // Somebody takes at once what arrives: so confirms and returns come in a lively mixture.
    await broker.channel.assertQueue(open, { durable: true });
    await broker.channel.consume(open, () => undefined, { noAck: true });
    const { messageId } = outgoing();
    await withPublisher(broker.url, async (publisher) => {
      const publish = (routingKey: string): Promise<string> =>
        outcomeOf(publisher.publish(routable({ messageId, routingKey })));
      for (let round = 0; round < 20; round += 1) {
        const destinations = Array.from({ length: 60 }, () => (Math.random() < 0.5 ? open : missing));
        const outcomes = await Promise.all(destinations.map(publish));
        expect(outcomes).toEqual(
          destinations.map((destination) => (destination === open ? 'confirmed' : 'PUBLISH_RETURNED')),
        );
      }
      // Nothing of it sticks to the message.
      await broker.channel.assertQueue(missing, { durable: true });
      expect(await publish(missing)).toBe('confirmed');
    });
  });

  test('fails when a full queue refuses the message', async () => {
    const full = 'publisher-full';
    await broker.channel.assertQueue(full, {
      durable: true,
      arguments: { 'x-queue-type': 'quorum', 'x-max-length': 1, 'x-overflow': 'reject-publish' },
    });
    await withPublisher(broker.url, async (publisher) => {
      const outcomes: string[] = [];
      // The limit of a quorum queue takes effect a little late.
      while (outcomes.length < 20 && outcomes.at(-1) !== 'PUBLISH_REFUSED') {
        outcomes.push(await outcomeOf(publisher.publish(routable({ routingKey: full }))));
      }
      expect(outcomes.at(-1)).toBe('PUBLISH_REFUSED');
      expect(await broker.drain(full)).toHaveLength(
        outcomes.filter((outcome) => outcome === 'confirmed').length,
      );
      await eventually(
        async () => (await outcomeOf(publisher.publish(routable({ routingKey: full })))) === 'confirmed',
      );
    });
  });
});

describe('the publisher without a connection', () => {
  test('refuses at once while the broker is away, and serves again once it is back', async () => {
    await withPublisher(link.url, async (publisher) => {
      link.close();
      await eventually(() => !publisher.isReady());
      expect(await outcomeOf(publisher.publish(routable()))).toBe('BROKER_UNAVAILABLE');
      link.open();
      await eventually(() => publisher.isReady());
      expect(await outcomeOf(publisher.publish(routable()))).toBe('confirmed');
    });
    expect(await broker.drain(target)).toHaveLength(1);
  });

  test.each(logs)('takes no message while %s is missing, which would have to keep it', async (log) => {
    const incomplete = await createTestBroker();
    await incomplete.channel.deleteQueue(log);
    const publisher = createPublisher({
      url: incomplete.urls['order-service'],
      name: 'early',
      logger: testLogger,
    });
    publisher.start();
    await sleep(1_000);
    expect(await outcomeOf(publisher.publish(outgoing()))).toBe('BROKER_UNAVAILABLE');

    await declareTopology(incomplete.urls.topology, buildTopology(incomplete.retryDelaysMs));
    await eventually(() => publisher.isReady());
    expect(await outcomeOf(publisher.publish(outgoing()))).toBe('confirmed');
    await publisher.stop();
    await incomplete.drop();
  });

  test('does not claim to know what became of messages whose confirms were lost', async () => {
    await withPublisher(link.url, async (publisher) => {
      link.holdAnswers();
      const messages = Array.from({ length: 20 }, () => routable());
      const outcomes = Promise.all(messages.map((message) => outcomeOf(publisher.publish(message))));
      await eventually(async () => (await broker.count(target)) === messages.length);
      link.cut();

      expect(new Set(await outcomes)).toEqual(new Set(['PUBLISH_UNCONFIRMED']));
      await eventually(() => publisher.isReady());
      const repetitions = messages.map((message) => outcomeOf(publisher.publish(message)));
      expect(new Set(await Promise.all(repetitions))).toEqual(new Set(['confirmed']));
    });
    expect(await broker.drain(target)).toHaveLength(40);
  });

  test('survives that an operator closes its connection: what it confirmed is there, the rest it repeats', async () => {
    const account = await createBrokerAccount(broker);
    const confirmed = new Set<string>();
    await withPublisher(account.url, async (publisher) => {
      const failures = new Map<string, OutgoingMessage>();
      const codes = new Set<string>();
      const publishOne = async (message: OutgoingMessage): Promise<void> => {
        const outcome = await outcomeOf(publisher.publish(message));
        if (outcome === 'confirmed') {
          confirmed.add(message.messageId);
        } else {
          failures.set(message.messageId, message);
          codes.add(outcome);
        }
      };
      const closing = account.closeConnections();
      while (failures.size === 0) await Promise.all(Array.from({ length: 50 }, () => publishOne(routable())));
      await closing;
      expect(['PUBLISH_UNCONFIRMED', 'BROKER_UNAVAILABLE']).toEqual(expect.arrayContaining([...codes]));

      await eventually(async () => {
        await Promise.all([...failures.values()].map(publishOne));
        return [...failures.keys()].every((id) => confirmed.has(id));
      });
    });
    const stored = new Set((await broker.drain(target)).map(({ messageId }) => messageId));
    expect([...confirmed].filter((id) => !stored.has(id))).toEqual([]);
    await account.remove();
  });

  test('an exchange that does not exist costs the connection, not the publisher', async () => {
    await withPublisher(broker.url, async (publisher) => {
      const lost = await outcomeOf(publisher.publish(outgoing({ exchange: 'no-such-exchange' })));
      expect(lost).toBe('PUBLISH_UNCONFIRMED');
      await eventually(async () => (await outcomeOf(publisher.publish(routable()))) === 'confirmed');
    });
    expect(await broker.drain(target)).toHaveLength(1);
  });
});
