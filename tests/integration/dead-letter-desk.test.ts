import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { connect } from 'amqplib';
import type { Selection } from '#processor-service/application/dead-letters/selection.ts';
import type { OrderInquiryAnswer } from '#shared/contracts/order-inquiries.ts';
import { answerWays, orderInquiry } from '#shared/contracts/order-inquiries.ts';
import { deadLetterQueueOf, queues } from '#shared/contracts/topology.ts';
import { type IncomingMessage, publishOptions } from '#shared/messaging/message.ts';
import { createPublisher, type Publisher } from '#shared/messaging/publisher.ts';
import { createResponder } from '#shared/messaging/rpc.ts';
import { createTestBroker, type TestBroker } from '../support/broker.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { type OpenDesk, openDesk } from './support/dead-letter-actions.ts';
import { collect, type OpenLooks, openLooks } from './support/dead-letter-looks.ts';
import { bury } from './support/dead-letters.ts';
import { testLogger } from './support/logger.ts';
import { outgoing } from './support/messages.ts';

const workQueue = queues.orderCreated;
const deadLetterQueue = deadLetterQueueOf(workQueue);
const otherDeadLetterQueue = deadLetterQueueOf(queues.orderProcessed);
const all = [deadLetterQueue, otherDeadLetterQueue];
const everything: Selection = { queues: all };
let broker: TestBroker;
let database: TestDatabase;
let publisher: Publisher;
let looks: OpenLooks;
let actions: OpenDesk;

beforeAll(async () => {
  [broker, database] = await Promise.all([createTestBroker(), createTestDatabase('processor')]);
  publisher = createPublisher({ url: broker.url, name: 'desk', logger: testLogger });
  publisher.start();
  const desk = { brokerUrl: broker.urls.operator, databaseUrl: database.url, publisher };
  looks = openLooks(desk);
  actions = openDesk(desk);
});
beforeEach(async () => {
  for (const queue of [workQueue, ...all]) await broker.channel.purgeQueue(queue);
  await eventually(() => publisher.isReady());
});
afterAll(async () => {
  await Promise.all([publisher.stop(), looks.close(), actions.close()]);
  await Promise.all([broker.drop(), database.drop()]);
});

const idsOf = async (selection = everything): Promise<string[]> =>
  (await collect(looks.list(selection))).map(({ id }) => id);

async function burySome(count: number): Promise<string[]> {
  const ids: string[] = [];
  for (let index = 0; index < count; index += 1) ids.push((await bury(publisher)).messageId);
  return ids;
}

const subjectOf = ({ body }: Pick<IncomingMessage, 'body'>): string => JSON.parse(body.toString()).subject;

describe('the list of dead letters', () => {
  test('has those of all queues with their reasons, oldest first', async () => {
    const other = await bury(publisher, { queue: queues.orderProcessed, message: { type: 'order.paid.v1' } });
    const [first, second] = await burySome(2);
    const letters = await collect(looks.list(everything));
    expect(letters.map(({ id }) => id)).toEqual([first, second, other.messageId]);
    expect(letters[2]).toEqual({
      id: other.messageId,
      queue: otherDeadLetterQueue,
      type: 'order.paid.v1',
      orderId: subjectOf(other),
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

  test('has only what passes all of the filters', async () => {
    const dead = (code: string, failedAt: string, type = 'order.created.v1') =>
      bury(publisher, {
        message: { type, headers: { 'x-error-code': code, 'x-error-frame': 'f', 'x-failed-at': failedAt } },
      });
    const early = await dead('A', '2026-11-20T10:00:00.000Z');
    const late = await dead('A', '2026-11-20T11:00:00.000Z');
    const cancel = await dead('A', '2026-11-20T10:30:00.000Z', 'order.cancel_requested.v1');
    const b = await dead('B', '2026-11-20T10:30:00.000Z');
    const elsewhere = await bury(publisher, { queue: queues.orderProcessed });
    const ids = [early, late, cancel, b, elsewhere].map(({ messageId }) => messageId);
    const [group] = (await collect(looks.list(everything))).map(({ fingerprint }) => fingerprint);
    const cases: [Partial<Selection>, number[]][] = [
      [{}, [0, 1, 2, 3, 4]],
      [{ queues: [otherDeadLetterQueue] }, [4]],
      [{ types: ['order.cancel_requested.v1', 'nonsense'] }, [2]],
      [{ errorCodes: ['A'] }, [0, 1, 2]],
      [{ errorCodes: ['B', 'PAYMENT_UNAVAILABLE'] }, [3, 4]],
      [{ fingerprint: group }, [0, 1]],
      [{ orderId: subjectOf(late).toUpperCase() }, [1]],
      [{ ids: [ids[4]!, ids[0]!] }, [0, 4]],
      [{ failedAfter: '2026-11-20T10:30:00.000Z' }, [1, 2, 3]],
      [{ failedBefore: '2026-11-20T12:30:00+02:00', errorCodes: ['A', 'B'] }, [0]],
      [{ errorCodes: ['A'], types: ['order.created.v1'], failedAfter: '2026-11-20T10:30:00Z' }, [1]],
      [{ errorCodes: ['C'] }, []],
    ];
    for (const [filter, expected] of cases) {
      const found = await idsOf({ ...everything, ...filter });
      expect([filter, found]).toEqual([filter, expected.map((index) => ids[index])]);
    }
  });

  test('comes in pages that say whether there is more', async () => {
    const ids = await burySome(3);
    const other = await bury(publisher, { queue: queues.orderProcessed });
    const page = async (limit: number) => {
      const { items, hasMore } = await looks.page(everything, limit);
      return [items.map(({ id }) => id), hasMore];
    };
    expect(await page(2)).toEqual([ids.slice(0, 2), true]);
    expect(await page(3)).toEqual([ids, true]);
    expect(await page(4)).toEqual([[...ids, other.messageId], false]);
    expect(await idsOf()).toEqual([...ids, other.messageId]);
  });

  test('is complete for everybody who looks at the same time', async () => {
    const ids = await burySome(150);
    const lookers = Array.from({ length: 4 }, () => idsOf());
    for (const seen of await Promise.all(lookers)) expect(seen).toEqual(ids);
    expect((await broker.drain(deadLetterQueue)).map(({ messageId }) => messageId)).toEqual(ids);
  });

  test('is not to be had of a queue that is none for dead letters', async () => {
    for (const queue of ['no.such.queue', workQueue]) {
      await expect(idsOf({ queues: [queue] })).rejects.toMatchObject({ code: 'QUEUE_NOT_FOUND' });
    }
  });
});

describe('the groups of dead letters', () => {
  test('hold what failed alike, the largest first', async () => {
    const dead = (code: string, minute: number, frame: string) =>
      bury(publisher, {
        message: {
          headers: {
            'x-error-code': code,
            'x-error-message': `${code} in ${frame}`,
            'x-error-frame': frame,
            'x-failed-at': `2026-11-20T10:${minute}:00.000Z`,
          },
        },
      });
    const loner = await dead('A', 10, 'a.ts one');
    const first = await dead('A', 20, 'a.ts two');
    await dead('A', 40, 'a.ts two');
    await dead('A', 30, 'a.ts two');
    const groups = await looks.groups(everything);
    expect(groups).toEqual([
      {
        fingerprint: expect.any(String),
        queue: deadLetterQueue,
        type: 'order.created.v1',
        errorCode: 'A',
        frame: 'a.ts two',
        count: 3,
        firstSeenAt: '2026-11-20T10:20:00.000Z',
        lastSeenAt: '2026-11-20T10:40:00.000Z',
        exampleId: first.messageId,
        exampleMessage: 'A in a.ts two',
      },
      expect.objectContaining({ count: 1, frame: 'a.ts one', exampleId: loner.messageId }),
    ]);
    expect(await idsOf({ ...everything, fingerprint: groups[1]!.fingerprint })).toEqual([loner.messageId]);
    expect(await looks.groups({ ...everything, errorCodes: ['B'] })).toEqual([]);
  });
});

describe('a dead letter', () => {
  test('is shown whole, with what the order-service and the processor know', async () => {
    await bury(publisher);
    const message = await bury(publisher);
    const orderId = subjectOf(message);
    const order: OrderInquiryAnswer['orders'][number] = {
      id: orderId,
      status: 'failed',
      version: 3,
      failure: { code: 'PAYMENT_UNAVAILABLE', message: 'x', recoverable: true },
      processingSequence: 2,
      processingRun: 0,
      cancellation: null,
      refundedMinor: 0,
    };
    const responder = createResponder({
      url: broker.urls['order-service'],
      name: 'order-service',
      ...answerWays,
      question: orderInquiry,
      answer: async ({ orderIds }) => ({ orders: orderIds.includes(orderId) ? [order] : [], received: [] }),
      logger: testLogger,
    });
    responder.start();
    await eventually(() => responder.isReady());
    const shown = await looks.show({ queues: all, id: message.messageId });
    await responder.stop();
    expect(shown).toMatchObject({
      letter: { id: message.messageId, queue: deadLetterQueue },
      exchange: 'orders',
      routingKey: 'order.created',
      content: { headers: message.headers, body: message.body.toString(), encoding: 'utf8' },
      order,
      replay: { effect: 'goes_on', schema: 'valid', order: 'failed', saga: 'none' },
    });
    expect(shown.saga).toBeUndefined();
  });

  test('is shown without its order when nobody answers', async () => {
    const message = await bury(publisher);
    const startedAt = Date.now();
    expect(await looks.show({ queues: all, id: message.messageId })).toMatchObject({
      order: 'unknown',
      replay: { order: 'unknown', effect: 'goes_on' },
    });
    expect(Date.now() - startedAt).toBeLessThan(4_000);
  });

  test('tells its history, with what operators did', async () => {
    const { messageId, ...message } = await bury(publisher);
    await actions.replay({ id: messageId, queues: all, operator: 'alice' });
    const [replayed] = await broker.drain(workQueue);
    const died = { ...message.headers, 'x-replay-count': 1, 'x-failed-at': new Date().toISOString() };
    await bury(publisher, { message: { ...message, messageId, headers: { ...replayed!.headers, ...died } } });
    const { history } = await looks.show({ queues: all, id: messageId });
    expect(history.map(({ what }) => what)).toEqual([
      'failed for the first time',
      'published',
      'replayed by alice',
      'given up after 6 attempts: PAYMENT_UNAVAILABLE, the provider answered 500',
    ]);
    const times = history.map(({ at }) => Date.parse(at!));
    expect(times.toSorted((a, b) => a - b)).toEqual(times);
  });

  test('has to be there', async () => {
    await expect(looks.show({ queues: all, id: 'nobody' })).rejects.toMatchObject({
      code: 'MESSAGE_NOT_FOUND',
    });
  });
});

describe('dead letters of foreign origin', () => {
  test('are named by their body when they carry no id', async () => {
    for (const body of ['rubbish', 'other rubbish']) {
      broker.channel.sendToQueue(deadLetterQueue, Buffer.from(body), {
        headers: { 'x-original-exchange': 'orders', 'x-original-routing-key': 'order.created' },
      });
    }
    await eventually(async () => (await broker.count(deadLetterQueue)) === 2);
    const letters = await collect(looks.list(everything));
    expect(letters.map(({ id, errorCode, frame, orderId }) => [id, errorCode, frame, orderId])).toEqual([
      [expect.stringMatching(/^sha256-[0-9a-f]{16}$/), 'UNKNOWN', 'unknown', undefined],
      [expect.stringMatching(/^sha256-[0-9a-f]{16}$/), 'UNKNOWN', 'unknown', undefined],
    ]);
    expect(await looks.show({ queues: all, id: letters[1]!.id })).toMatchObject({
      content: { body: 'other rubbish' },
      replay: {
        effect: 'fails_again',
        order: 'none',
        schema: { error: expect.stringMatching(/^MALFORMED/) },
      },
    });
  });

  test('are shown also when the broker itself gave them up', async () => {
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
    await connection.close();
    const { letter, exchange, routingKey, history } = await looks.show({
      queues: all,
      id: message.messageId,
    });
    expect(letter).toMatchObject({ errorCode: 'DELIVERY_LIMIT', errorMessage: 'the broker gave it up' });
    expect(Math.abs(Date.now() - Date.parse(letter.failedAt!))).toBeLessThan(30_000);
    expect({ exchange, routingKey }).toEqual({ exchange: 'orders', routingKey: 'order.created' });
    expect(history.map(({ what }) => what)).toContainEqual(
      expect.stringContaining(`left ${workQueue} because of delivery_limit`),
    );
  });
});
