import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  createFollowProcessing,
  type ProcessingMessage,
} from '#order-service/application/follow-processing.ts';
import {
  createRecordOperatorAction,
  type OperatorActed,
} from '#order-service/application/record-operator-action.ts';
import { createProcessingMessageHandler } from '#order-service/consumers/processing-messages.ts';
import { routingKeyOf } from '#shared/contracts/order-events.ts';
import { deadLetterQueueOf, queues } from '#shared/contracts/topology.ts';
import { systemClock } from '#shared/kernel/clock.ts';
import { AppError } from '#shared/kernel/errors.ts';
import { newId } from '#shared/kernel/ids.ts';
import { publishOptions } from '#shared/messaging/message.ts';
import { createTestBroker, type TestBroker } from '../support/broker.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { outgoing } from './support/messages.ts';
import { type OpenOrderRepository, openOrderRepository, placementOf } from './support/orders.ts';
import { processingMessages } from './support/processing-messages.ts';
import { startConsumer } from './support/running-consumer.ts';

let broker: TestBroker;
let database: TestDatabase;
let replicas: { repository: OpenOrderRepository; follow: ReturnType<typeof createFollowProcessing> }[];

beforeAll(async () => {
  [broker, database] = await Promise.all([createTestBroker(), createTestDatabase('order')]);
  replicas = Array.from({ length: 2 }, () => {
    const repository = openOrderRepository(database.url);
    const { orders } = repository;
    return { repository, follow: createFollowProcessing({ orders, clock: systemClock, announce: () => {} }) };
  });
});
afterAll(async () => {
  await Promise.all(replicas.map(({ repository }) => repository.close()));
  await Promise.all([broker.drop(), database.drop()]);
});

async function place(): Promise<string> {
  const placement = placementOf();
  await replicas[0]!.repository.orders.place(placement);
  return placement.order.id;
}

/** Follows a set of messages and gives for each the code of its error, or `taken`. */
async function follow(...messages: ProcessingMessage[]): Promise<string[]> {
  const results = await replicas[0]!.follow(messages);
  return results.map((result) => (result instanceof AppError ? result.code : (result ?? 'taken')));
}

async function stateOf(orderId: string) {
  const order = await replicas[0]!.repository.orders.find(orderId);
  const { rows: history } = await database.pool.query<{ version: number; type: string }>(
    'SELECT version, type FROM order_events WHERE order_id = $1 ORDER BY version',
    [orderId],
  );
  expect(history.map(({ version }) => version)).toEqual(history.map((_, index) => index + 1));
  expect(order!.version).toBe(history.length);
  return { status: order!.status, failure: order!.failure, history: history.map(({ type }) => type) };
}

async function outcomesOf(orderId: string): Promise<string[]> {
  const { rows } = await database.pool.query<{ outcome: string }>(
    'SELECT outcome FROM inbox WHERE order_id = $1 ORDER BY sequence, received_at',
    [orderId],
  );
  return rows.map(({ outcome }) => outcome);
}

const completedHistory = ['placed', 'reserved', 'paid', 'completed'];

describe('following the processor', () => {
  test('moves an order step by step, message by message or in one set', async () => {
    const [slow, fast] = [await place(), await place()];
    for (const step of ['reserved', 'paid', 'completed'] as const) {
      const sequence = completedHistory.indexOf(step);
      expect(await follow(processingMessages(slow)[step](sequence))).toEqual(['taken']);
      expect((await stateOf(slow)).status).toBe(step);
    }
    const { reserved, paid, completed } = processingMessages(fast);
    expect(await follow(reserved(1), paid(2), completed(3))).toEqual(['taken', 'taken', 'taken']);
    for (const id of [slow, fast]) {
      expect(await stateOf(id)).toEqual({ status: 'completed', failure: null, history: completedHistory });
      expect(await outcomesOf(id)).toEqual(['applied', 'applied', 'applied']);
    }
  });

  test('changes nothing on a duplicate, in another set or in the same', async () => {
    const id = await place();
    const reserved = processingMessages(id).reserved(1);
    expect(await follow(reserved, reserved)).toEqual(['taken', 'duplicate']);
    expect(await follow(reserved)).toEqual(['duplicate']);
    expect((await stateOf(id)).history).toEqual(['placed', 'reserved']);
    expect(await outcomesOf(id)).toEqual(['applied']);
  });

  test('sends an early message back until the one before it was there', async () => {
    const id = await place();
    const { reserved, paid, completed } = processingMessages(id);
    expect(await follow(completed(3), reserved(1))).toEqual(['EVENT_OUT_OF_ORDER', 'taken']);
    expect((await stateOf(id)).status).toBe('reserved');
    expect(await follow(paid(2), completed(3))).toEqual(['taken', 'taken']);
    expect((await stateOf(id)).history).toEqual(completedHistory);
  });

  test('never moves an order backwards: what comes late is recorded as ignored', async () => {
    const id = await place();
    const { reserved, paid, completed, failed } = processingMessages(id);
    await follow(reserved(1), paid(2), completed(3));
    expect(await follow(failed(4, true), reserved(5, 1))).toEqual(['taken', 'taken']);
    expect(await stateOf(id)).toMatchObject({
      status: 'completed',
      failure: null,
      history: completedHistory,
    });
    expect(await outcomesOf(id)).toEqual([
      ...Array(3).fill('applied'),
      'ignored: completed orders do not become failed',
      'ignored: completed orders do not become reserved',
    ]);
  });

  test('takes an order up again when a recoverable failure was replayed', async () => {
    const id = await place();
    const { reserved, paid, completed, failed } = processingMessages(id);
    await follow(reserved(1), failed(2, true));
    expect(await stateOf(id)).toMatchObject({
      status: 'failed',
      failure: { code: 'PAYMENT_UNAVAILABLE', recoverable: true },
    });
    await follow(reserved(3, 1), paid(4, 1), completed(5, 1));
    expect(await stateOf(id)).toEqual({
      status: 'completed',
      failure: null,
      history: ['placed', 'reserved', 'failed', 'retried', 'reserved', 'paid', 'completed'],
    });
  });

  test('leaves a final failure final', async () => {
    const id = await place();
    const { failed, reserved } = processingMessages(id);
    await follow(failed(1, false));
    expect(await follow(reserved(2, 1))).toEqual(['taken']);
    expect(await stateOf(id)).toMatchObject({ status: 'failed', failure: { code: 'OUT_OF_STOCK' } });
  });

  test('knows no order that it did not place, and takes the rest of the set', async () => {
    const id = await place();
    const unknown = newId();
    const results = await follow(processingMessages(unknown).reserved(1), processingMessages(id).reserved(1));
    expect(results).toEqual(['ORDER_NOT_FOUND', 'taken']);
    expect((await stateOf(id)).status).toBe('reserved');
    expect(await outcomesOf(unknown)).toEqual([]);
  });
});

describe('many messages at once', () => {
  test('twenty copies of one message, over two replicas, have one effect', async () => {
    const id = await place();
    const reserved = processingMessages(id).reserved(1);
    const results = await Promise.all(
      Array.from({ length: 20 }, (_, index) => replicas[index % 2]!.follow([reserved])),
    );
    expect(results.flat().filter((result) => result === undefined)).toHaveLength(1);
    expect(results.flat().filter((result) => result === 'duplicate')).toHaveLength(19);
    expect((await stateOf(id)).history).toEqual(['placed', 'reserved']);
    expect(await outcomesOf(id)).toEqual(['applied']);
  });

  test('all messages of many orders, in any order and more than once, end where they must', async () => {
    const ids = await Promise.all(Array.from({ length: 20 }, place));
    const messages = ids.flatMap((id) => {
      const { reserved, paid, completed } = processingMessages(id);
      return [reserved(1), paid(2), completed(3)];
    });
    let waiting = [...messages, ...messages];
    for (let round = 0; waiting.length > 0 && round < 20; round += 1) {
      waiting = waiting.toSorted(() => Math.random() - 0.5);
      const sets = Array.from({ length: 12 }, (_, index) =>
        waiting.filter((_, position) => position % 12 === index),
      ).filter((set) => set.length > 0);
      const results = await Promise.all(sets.map((set, index) => replicas[index % 2]!.follow(set)));
      waiting = sets.flatMap((set, index) =>
        set.filter((_, position) => results[index]![position] instanceof AppError),
      );
    }
    expect(waiting).toEqual([]);
    for (const id of ids) {
      expect((await stateOf(id)).history).toEqual(completedHistory);
      expect(await outcomesOf(id)).toEqual(['applied', 'applied', 'applied']);
    }
  });
});

describe("the queue of the processor's messages", () => {
  const subscribe = () =>
    startConsumer({
      broker,
      queue: queues.orderProcessed,
      concurrency: 50,
      handler: createProcessingMessageHandler({
        followProcessing: replicas[0]!.follow,
        recordOperatorAction: createRecordOperatorAction(replicas[0]!.repository),
      }),
    });

  function publish(message: ProcessingMessage | OperatorActed): void {
    const { id: messageId, type } = message;
    const options = publishOptions(outgoing({ messageId, type }));
    broker.channel.publish('orders', routingKeyOf(type), Buffer.from(JSON.stringify(message)), options);
  }

  test('brings early messages back in their turn, and parks what can never be followed', async () => {
    const id = await place();
    const { reserved, paid, completed } = processingMessages(id);
    const unknown = processingMessages(newId()).reserved(1);
    const notForUs = { ...outgoing(), body: Buffer.from('{"type":"order.created.v1"}') };
    const consumer = await subscribe();
    for (const message of [completed(3), paid(2), unknown, reserved(1)]) publish(message);
    broker.channel.sendToQueue(queues.orderProcessed, notForUs.body, publishOptions(notForUs));

    await eventually(async () => (await stateOf(id)).status === 'completed');
    expect((await stateOf(id)).history).toEqual(completedHistory);
    const deadLetterQueue = deadLetterQueueOf(queues.orderProcessed);
    await eventually(async () => (await broker.count(deadLetterQueue)) === 2);
    await consumer.stop();
    expect(await broker.count(queues.orderProcessed)).toBe(0);
    const letters = await broker.drain(deadLetterQueue);
    expect(letters.map(({ messageId, headers }) => [messageId, headers['x-error-code']])).toEqual(
      expect.arrayContaining([
        [unknown.id, 'ORDER_NOT_FOUND'],
        [notForUs.messageId, 'MALFORMED_MESSAGE'],
      ]),
    );
  });

  test('puts once into the timeline what an operator did, also about an order that is not known', async () => {
    const [known, unknown] = [await place(), newId()];
    const acted = [known, unknown].map((id) => processingMessages(id).operatorActed());
    const consumer = await subscribe();
    for (const message of [...acted, ...acted]) publish(message);
    const completing = processingMessages(known);
    for (const message of [completing.reserved(1), completing.paid(2), completing.completed(3)]) {
      publish(message);
    }
    await eventually(async () => (await stateOf(known)).status === 'completed');
    await consumer.stop();
    expect(await broker.count(queues.orderProcessed)).toBe(0);
    expect(await broker.count(deadLetterQueueOf(queues.orderProcessed))).toBe(0);
    for (const id of [known, unknown]) {
      const entries = await replicas[0]!.repository.orders.timeline(id);
      expect(entries.filter(({ kind }) => kind === 'operator')).toEqual([
        {
          at: expect.any(Date),
          kind: 'operator',
          type: 'discarded',
          detail: {
            operator: 'alice',
            reason: 'a test',
            queue: 'processor-service.order.created',
            traceId: expect.stringMatching(/^[0-9a-f]{32}$/),
          },
        },
      ]);
    }
    expect((await stateOf(known)).history).toEqual(completedHistory);
  });
});
