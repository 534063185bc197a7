import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { parseOrderMessage } from '#shared/contracts/order-events.ts';
import { deadLetterQueueOf, queues } from '#shared/contracts/topology.ts';
import { newId } from '#shared/kernel/ids.ts';
import type { OutgoingMessage } from '#shared/messaging/message.ts';
import { createPublisher, type Publisher } from '#shared/messaging/publisher.ts';
import { createTestBroker, type TestBroker } from '../support/broker.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { type OpenDesk, openDesk } from './support/dead-letter-actions.ts';
import { bury } from './support/dead-letters.ts';
import { testLogger } from './support/logger.ts';

const workQueue = queues.orderCreated;
const deadLetterQueue = deadLetterQueueOf(workQueue);
const all = [deadLetterQueue, deadLetterQueueOf(queues.orderProcessed)];
let broker: TestBroker;
let database: TestDatabase;
let publisher: Publisher;
let desk: OpenDesk;

beforeAll(async () => {
  [broker, database] = await Promise.all([createTestBroker(), createTestDatabase('processor')]);
  publisher = createPublisher({ url: broker.url, name: 'desk', logger: testLogger });
  publisher.start();
  desk = openDesk({ brokerUrl: broker.urls.operator, databaseUrl: database.url, publisher });
});
beforeEach(async () => {
  for (const queue of [workQueue, ...all]) await broker.channel.purgeQueue(queue);
  await eventually(() => publisher.isReady());
});
afterAll(async () => {
  await Promise.all([desk.close(), publisher.stop()]);
  await Promise.all([broker.drop(), database.drop()]);
});

async function waitingIn(queue: string): Promise<string[]> {
  return (await broker.drain(queue)).map(({ messageId }) => messageId);
}

const contentOf = ({ body }: Pick<OutgoingMessage, 'body'>) => JSON.parse(body.toString());
const withQuantity = (message: OutgoingMessage, quantity: number) => {
  const content = contentOf(message);
  content.data.items[0].quantity = quantity;
  return content;
};
const edit = (id: string, content: unknown, operator = 'alice') => {
  const body = Buffer.from(typeof content === 'string' ? content : JSON.stringify(content));
  return desk.edit({ id, queues: all, body, operator });
};

async function timelineOf(messageId: string) {
  const { rows } = await database.pool.query<{ payload: string }>(
    `SELECT payload FROM outbox WHERE payload::jsonb #>> '{data,messageId}' = $1`,
    [messageId],
  );
  return rows.map(({ payload }) => parseOrderMessage(Buffer.from(payload)).data);
}

describe('editing a dead letter', () => {
  test('sends the new body under a new id to where the original went, and keeps the original', async () => {
    const before = await bury(publisher);
    const original = await bury(publisher, { message: { headers: { ...before.headers, tenant: 'a' } } });
    const after = await bury(publisher);
    const edited = { ...withQuantity(original, 7), extension: 'kept' };
    const action = await edit(original.messageId, edited);

    const [sent, ...more] = await broker.drain(workQueue);
    expect(more).toEqual([]);
    expect(sent).toMatchObject({
      messageId: action.replacedBy,
      type: 'order.created.v1',
      correlationId: edited.correlationid,
      exchange: 'orders',
      routingKey: 'order.created',
      failedAttempts: 0,
      replayCount: 1,
      headers: { tenant: 'a', 'x-edited-from': original.messageId, 'x-replayed-by': 'alice' },
    });
    expect(contentOf(sent!)).toEqual({ ...edited, id: action.replacedBy });
    expect(await waitingIn(deadLetterQueue)).toEqual([before.messageId, after.messageId]);

    expect(await desk.history({ messageId: original.messageId, limit: 10 })).toMatchObject([
      {
        action: 'edit',
        outcome: 'done',
        replacedBy: sent!.messageId,
        original: { body: original.body.toString(), encoding: 'utf8', headers: original.headers },
      },
    ]);
    expect(await timelineOf(original.messageId)).toMatchObject([
      { action: 'edited', operator: 'alice', replacedBy: sent!.messageId },
    ]);
  });

  test('does nothing the second time, and answers the same', async () => {
    const original = await bury(publisher);
    const content = withQuantity(original, 7);
    const first = await edit(original.messageId, content);
    // The id that a tool left in it, and how it is written down, make no other edit of it.
    const { data, ...envelope } = content;
    const second = await edit(
      original.messageId,
      JSON.stringify({ data, ...envelope, id: newId() }, null, 2),
      'bob',
    );
    expect(second).toEqual(first);
    expect(await waitingIn(workQueue)).toEqual([first.replacedBy]);
    expect(await timelineOf(original.messageId)).toHaveLength(1);
  });

  test('does one thing when ten submit the same at the same moment', async () => {
    const original = await bury(publisher);
    const content = withQuantity(original, 7);
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, index) => edit(original.messageId, content, `operator-${index}`)),
    );
    expect(new Set(answers.map(({ id, replacedBy }) => `${id} ${replacedBy}`)).size).toBe(1);
    expect(await waitingIn(workQueue)).toEqual([answers[0]!.replacedBy]);
    expect(await timelineOf(original.messageId)).toHaveLength(1);
  });

  test('only removes the original where that is all that was left to do', async () => {
    const original = await bury(publisher);
    const content = withQuantity(original, 7);
    await edit(original.messageId, content);
    await broker.drain(workQueue);
    // As after a crash: the same letter is there again.
    await bury(publisher, { message: original });
    await edit(original.messageId, content);
    expect(await waitingIn(workQueue)).toEqual([]);
    expect(await waitingIn(deadLetterQueue)).toEqual([]);
  });

  test('leads to another message when the content is another one', async () => {
    const [first, second] = [await bury(publisher), await bury(publisher)];
    const ids = [
      (await edit(first.messageId, withQuantity(first, 7))).replacedBy,
      (await edit(second.messageId, withQuantity(second, 7))).replacedBy,
    ];
    await bury(publisher, { message: first });
    ids.push((await edit(first.messageId, withQuantity(first, 8))).replacedBy);
    expect(new Set(ids).size).toBe(3);
  });

  test.each<[string, (content: Record<string, unknown>) => unknown, string]>([
    ['is no JSON', () => 'rubbish', 'MALFORMED_MESSAGE'],
    ['is no object', () => [1], 'MALFORMED_MESSAGE'],
    ['breaks the contract', (content) => ({ ...content, data: {} }), 'MALFORMED_MESSAGE'],
    [
      'has a type that nobody knows',
      (content) => ({ ...content, type: 'order.lost.v1' }),
      'UNSUPPORTED_MESSAGE',
    ],
    ['is about another order', (content) => ({ ...content, subject: newId() }), 'EDIT_REFUSED'],
    [
      'would go somewhere else',
      (content) => ({ ...content, type: 'order.payment_requested.v1' }),
      'EDIT_REFUSED',
    ],
  ])('is refused when the new body %s', async (_, change, code) => {
    const original = await bury(publisher);
    await expect(edit(original.messageId, change(contentOf(original)))).rejects.toMatchObject({ code });
    expect(await waitingIn(workQueue)).toEqual([]);
    expect(await waitingIn(deadLetterQueue)).toEqual([original.messageId]);
    expect(await desk.history({ messageId: original.messageId, limit: 10 })).toEqual([]);
  });

  test('repairs rubbish that tells neither its order nor its way', async () => {
    const rubbish = Buffer.from([0xff, 0x00]);
    await bury(publisher, { message: { messageId: 'rubbish', type: '', headers: {}, body: rubbish } });
    const content = contentOf(await bury(publisher));
    const elsewhere = { ...content, type: 'order.reserved.v1', data: { run: 0 } };
    await expect(edit('rubbish', elsewhere)).rejects.toMatchObject({ code: 'EDIT_REFUSED' });
    const { replacedBy, orderId } = await edit('rubbish', content);
    expect(orderId).toBe(content.subject);
    expect(await broker.drain(workQueue)).toMatchObject([
      { messageId: replacedBy, exchange: 'orders', routingKey: 'order.created' },
    ]);
    expect(await desk.history({ messageId: 'rubbish', limit: 1 })).toMatchObject([
      { original: { body: rubbish.toString('base64'), encoding: 'base64' } },
    ]);
    expect(await timelineOf('rubbish')).toHaveLength(1);
  });
});

describe('discarding a dead letter', () => {
  const discard = (id: string, operator = 'alice') =>
    desk.discard({ id, queues: all, reason: 'sent by mistake', operator });

  test('removes that one, and keeps what it was and why', async () => {
    const letters = [await bury(publisher), await bury(publisher), await bury(publisher)];
    const [first, second, third] = letters.map(({ messageId }) => messageId);
    await discard(second!);
    expect(await waitingIn(deadLetterQueue)).toEqual([first, third]);
    expect(await waitingIn(workQueue)).toEqual([]);
    expect(await desk.history({ messageId: second!, limit: 10 })).toMatchObject([
      {
        action: 'discard',
        outcome: 'done',
        operator: 'alice',
        reason: 'sent by mistake',
        original: { body: letters[1]!.body.toString(), encoding: 'utf8', headers: letters[1]!.headers },
      },
    ]);
    expect(await timelineOf(second!)).toMatchObject([
      { action: 'discarded', operator: 'alice', reason: 'sent by mistake' },
    ]);
    await expect(discard(second!)).rejects.toMatchObject({ code: 'MESSAGE_NOT_FOUND' });
  });

  test('finishes what was discarded but for the removal, without a word more', async () => {
    const letter = await bury(publisher);
    await discard(letter.messageId);
    await bury(publisher, { message: letter });
    await discard(letter.messageId, 'bob');
    expect(await waitingIn(deadLetterQueue)).toEqual([]);
    expect(await timelineOf(letter.messageId)).toHaveLength(1);
  });
});
