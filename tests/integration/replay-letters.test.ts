import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { parseOrderMessage } from '#shared/contracts/order-events.ts';
import { deadLetterQueueOf, exchanges, queues } from '#shared/contracts/topology.ts';
import { createPublisher, type Publisher } from '#shared/messaging/publisher.ts';
import { createTestBroker, type TestBroker } from '../support/broker.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { type OpenDesk, openDesk } from './support/dead-letter-actions.ts';
import { bury } from './support/dead-letters.ts';
import { testLogger } from './support/logger.ts';
import { createNetworkLink, type NetworkLink } from './support/network-link.ts';

const workQueue = queues.orderCreated;
const deadLetterQueue = deadLetterQueueOf(workQueue);
const all = [deadLetterQueue, deadLetterQueueOf(queues.orderProcessed)];
let broker: TestBroker;
let database: TestDatabase;
let publisher: Publisher;
/** Another one, whose way to the broker can be cut. */
let cutOff: Publisher;
let link: NetworkLink;
let desk: OpenDesk;
let deskBehindLink: OpenDesk;

beforeAll(async () => {
  [broker, database] = await Promise.all([createTestBroker(), createTestDatabase('processor')]);
  // The event log takes everything; without it a message can be unroutable.
  await broker.channel.unbindQueue(queues.eventLog, exchanges.orders, '#');
  publisher = createPublisher({ url: broker.url, name: 'desk', logger: testLogger });
  publisher.start();
  link = await createNetworkLink(broker.url);
  cutOff = createPublisher({ url: link.url, name: 'desk', logger: testLogger });
  cutOff.start();
  const open = (sender: Publisher) =>
    openDesk({ brokerUrl: broker.urls.operator, databaseUrl: database.url, publisher: sender });
  desk = open(publisher);
  deskBehindLink = open(cutOff);
});
beforeEach(async () => {
  for (const queue of [workQueue, ...all]) await broker.channel.purgeQueue(queue);
  await eventually(() => publisher.isReady());
});
afterAll(async () => {
  await Promise.all([publisher.stop(), cutOff.stop(), desk.close(), deskBehindLink.close()]);
  await link.dispose();
  await Promise.all([broker.drop(), database.drop()]);
});

async function waitingIn(queue: string): Promise<string[]> {
  return (await broker.drain(queue)).map(({ messageId }) => messageId);
}

const replay = (id: string, operator = 'alice') => desk.replay({ id, queues: all, operator });
const historyOf = async (messageId: string) =>
  (await desk.history({ messageId, limit: 10 })).map(
    ({ operator, outcome, error }) => `${operator} ${outcome}${error ? ` ${error.split(':')[0]}` : ''}`,
  );

async function timelineOf(messageId: string): Promise<unknown[]> {
  const { rows } = await database.pool.query<{ payload: string }>(
    `SELECT payload FROM outbox WHERE payload::jsonb #>> '{data,messageId}' = $1`,
    [messageId],
  );
  return rows.map(({ payload }) => parseOrderMessage(Buffer.from(payload)));
}

describe('replaying a dead letter', () => {
  test('sends it back to where it came from, with a clean record, and leaves the others', async () => {
    const before = await bury(publisher);
    const message = await bury(publisher, {
      message: { headers: { ...before.headers, tenant: 'a', 'x-replay-run': 'an earlier one' } },
    });
    const after = await bury(publisher);
    const at = Date.now();
    expect(await replay(message.messageId)).toMatchObject({
      letter: { messageId: message.messageId, queue: deadLetterQueue, replayCount: 1 },
      operator: 'alice',
      errorCode: 'PAYMENT_UNAVAILABLE',
    });

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
    expect(
      Object.keys(replayed!.headers).filter((name) => /failed-at|error|attempts|run/.test(name)),
    ).toEqual([]);
    expect(Date.parse(String(replayed!.headers['x-replayed-at']))).toBeGreaterThanOrEqual(at);
    expect(await waitingIn(deadLetterQueue)).toEqual([before.messageId, after.messageId]);
  });

  test('is in the audit, and in the timeline of the order', async () => {
    const { messageId, body, correlationId } = await bury(publisher);
    const { id, subject, traceparent } = JSON.parse(body.toString());
    expect(id).toBe(messageId);
    const { id: sequence } = await replay(messageId);
    expect(await historyOf(messageId)).toEqual(['alice done']);
    expect(await timelineOf(messageId)).toMatchObject([
      {
        subject,
        sequence,
        correlationid: correlationId,
        traceparent,
        data: {
          action: 'replayed',
          operator: 'alice',
          queue: deadLetterQueue,
          errorCode: 'PAYMENT_UNAVAILABLE',
        },
      },
    ]);
  });

  test('is in both even where what ties it together is text that no column can hold', async () => {
    const { messageId, body } = await bury(publisher, { message: { correlationId: 'a\u0000' } });
    await replay(messageId);
    const [replayed] = await broker.drain(workQueue);
    expect(replayed).toMatchObject({ messageId, body, correlationId: 'a\u0000' });
    expect(await historyOf(messageId)).toEqual(['alice done']);
    expect(await timelineOf(messageId)).toMatchObject([{ data: { action: 'replayed' } }]);
  });

  test('counts how often', async () => {
    const { headers } = await bury(publisher);
    await bury(publisher, { message: { messageId: 'again', headers: { ...headers, 'x-replay-count': 2 } } });
    await replay('again');
    expect(await broker.drain(workQueue)).toMatchObject([{ replayCount: 3 }]);
  });

  test('says so when there is no such letter, and who was there before', async () => {
    await expect(replay('nobody')).rejects.toMatchObject({
      code: 'MESSAGE_NOT_FOUND',
      message: `no message nobody in ${all.join(', ')}`,
    });
    const { messageId } = await bury(publisher);
    await replay(messageId);
    await expect(replay(messageId, 'bob')).rejects.toMatchObject({
      code: 'MESSAGE_NOT_FOUND',
      message: expect.stringMatching(/; replay by alice at 2\d{3}-/),
    });
  });

  test('happens once when ten operators want it at the same moment', async () => {
    const { messageId } = await bury(publisher);
    const operators = Array.from({ length: 10 }, (_, index) => `operator-${index}`);
    const outcomes = await Promise.allSettled(operators.map((operator) => replay(messageId, operator)));
    const refusals = outcomes.flatMap((outcome) =>
      outcome.status === 'rejected' ? [outcome.reason.code] : [],
    );
    expect(refusals).toEqual(Array(9).fill('MESSAGE_NOT_FOUND'));
    expect(await waitingIn(workQueue)).toEqual([messageId]);
    expect(await historyOf(messageId)).toHaveLength(1);
    expect(await timelineOf(messageId)).toHaveLength(1);
  });
});

describe('a replay that was done but for the removal', () => {
  test('is finished by the next one without sending anything', async () => {
    const letter = await bury(publisher);
    await replay(letter.messageId);
    await broker.drain(workQueue);
    // As after a crash: the same letter is there again.
    await bury(publisher, { message: letter });
    expect(await replay(letter.messageId, 'bob')).toMatchObject({ operator: 'alice' });
    expect(await waitingIn(workQueue)).toEqual([]);
    expect(await waitingIn(deadLetterQueue)).toEqual([]);
    expect(await timelineOf(letter.messageId)).toHaveLength(1);
  });

  test('says nothing about a letter that the message left behind later', async () => {
    const letter = await bury(publisher);
    await replay(letter.messageId);
    await broker.drain(workQueue);
    const headers = { ...letter.headers, 'x-failed-at': new Date().toISOString() };
    await bury(publisher, { message: { ...letter, headers } });
    await replay(letter.messageId, 'bob');
    expect(await waitingIn(workQueue)).toEqual([letter.messageId]);
    expect(await historyOf(letter.messageId)).toEqual(['bob done', 'alice done']);
  });
});

describe('letters that share an id and nothing else', () => {
  test('are each sent, and each has a line in the audit', async () => {
    const headers = { 'x-original-exchange': 'orders', 'x-original-routing-key': 'order.created' };
    const twins = [1, 2].map((twin) => ({
      messageId: 'twin',
      headers,
      body: Buffer.from(`{"twin":${twin}}`),
    }));
    for (const message of twins) await bury(publisher, { message });
    await replay('twin');
    await replay('twin', 'bob');
    const sent = await broker.drain(workQueue);
    expect(sent.map(({ body }) => body.toString())).toEqual(['{"twin":1}', '{"twin":2}']);
    expect(await historyOf('twin')).toEqual(['bob done', 'alice done']);
    expect(await broker.count(deadLetterQueue)).toBe(0);
  });
});

describe('a replay that fails', () => {
  test.each([
    [
      'an exchange that does not exist',
      { 'x-original-exchange': 'nope', 'x-original-routing-key': 'order.created' },
    ],
    [
      'a routing key that nobody takes',
      { 'x-original-exchange': 'orders', 'x-original-routing-key': 'nothing.here' },
    ],
  ])('is refused for a letter that came by %s, and nothing else is disturbed', async (_, headers) => {
    const { messageId } = await bury(publisher, { message: { headers } });
    await expect(replay(messageId)).rejects.toMatchObject({ code: 'REPLAY_REFUSED' });
    expect(publisher.isReady()).toBe(true);
    expect(await broker.count(deadLetterQueue)).toBe(1);
    expect(await historyOf(messageId)).toEqual(['alice failed REPLAY_REFUSED']);
  });

  test('keeps the letter whose confirm was lost, and sends the same message again', async () => {
    await eventually(() => cutOff.isReady());
    const { messageId } = await bury(publisher);
    link.holdAnswers();
    const outcome = deskBehindLink
      .replay({ id: messageId, queues: all, operator: 'alice' })
      .catch((error: { code: string }) => error.code);
    await eventually(async () => (await broker.count(workQueue)) === 1);
    link.cut();
    expect(await outcome).toBe('PUBLISH_UNCONFIRMED');
    expect(await historyOf(messageId)).toEqual(['alice intended PUBLISH_UNCONFIRMED']);

    await replay(messageId, 'bob');
    const copies = await broker.drain(workQueue);
    const facts = copies.map(({ messageId: id, replayCount, headers }) => [id, replayCount, headers]);
    expect(copies).toHaveLength(2);
    expect(facts[1]).toEqual(facts[0]);
    expect(await waitingIn(deadLetterQueue)).toEqual([]);
    expect(await historyOf(messageId)).toEqual(['alice done']);
  });
});
