import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createAnswerInquiries } from '#order-service/application/answer-inquiries.ts';
import {
  answerWays,
  inquiryWays,
  orderInquiry,
  orderInquiryAnswer,
} from '#shared/contracts/order-inquiries.ts';
import { exchanges } from '#shared/contracts/topology.ts';
import { newId } from '#shared/kernel/ids.ts';
import { createRequester, createResponder, type Requester, type Responder } from '#shared/messaging/rpc.ts';
import { createTestBroker, type TestBroker } from '../support/broker.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { testLogger } from './support/logger.ts';
import { manage } from './support/management.ts';
import { type OpenOrderRepository, openOrderRepository, placementOf } from './support/orders.ts';

let broker: TestBroker;
let database: TestDatabase;
let repository: OpenOrderRepository;
let requester: Requester;
let responder: Responder;

beforeAll(async () => {
  [broker, database] = await Promise.all([createTestBroker(), createTestDatabase('order')]);
  repository = openOrderRepository(database.url);
  requester = createRequester({
    ...inquiryWays,
    url: broker.urls.operator,
    name: 'asking',
    logger: testLogger,
  });
  responder = createResponder({
    url: broker.urls['order-service'],
    name: 'answering',
    ...answerWays,
    question: orderInquiry,
    answer: createAnswerInquiries(repository),
    logger: testLogger,
  });
  requester.start();
  responder.start();
  await eventually(() => responder.isReady());
});
afterAll(async () => {
  await Promise.all([requester?.stop(), responder?.stop()]);
  await repository?.close();
  await Promise.all([broker?.drop(), database?.drop()]);
});

const ask = (question: unknown, timeoutMs = 2_000) => requester.ask(question, { timeoutMs });

/** Asks until somebody is there to be asked. */
const askUntilAnswered = (question: unknown) => eventually(() => ask(question, 500));

describe('a question about orders', () => {
  test('is answered with how they stand and which messages were taken account of', async () => {
    const placement = placementOf();
    await repository.orders.place(placement);
    const { id } = placement.order;
    const messageId = newId();
    const at = new Date();
    await repository.orders.change([id], (found) => ({
      orders: [{ ...found.get(id)!, processingSequence: 1 }],
      history: [],
      received: [{ messageId, orderId: id, type: 'order.reserved.v1', sequence: 1, outcome: 'applied', at }],
      result: undefined,
    }));
    const answer = await askUntilAnswered({ orderIds: [id, newId()], messageIds: [messageId, newId()] });
    expect(orderInquiryAnswer.parse(answer)).toEqual({
      orders: [
        {
          id,
          status: 'pending',
          version: 1,
          failure: null,
          processingSequence: 1,
          processingRun: 0,
          cancellation: null,
          refundedMinor: 0,
        },
      ],
      received: [messageId],
    });
  });

  test('finds its own answer among many', async () => {
    const placements = Array.from({ length: 30 }, () => placementOf());
    await Promise.all(placements.map((placement) => repository.orders.place(placement)));
    await askUntilAnswered({ orderIds: [], messageIds: [] });
    const answers = await Promise.all(
      placements.map(({ order }) => ask({ orderIds: [order.id], messageIds: [] })),
    );
    expect(answers.map((answer) => orderInquiryAnswer.parse(answer).orders.map(({ id }) => id))).toEqual(
      placements.map(({ order }) => [order.id]),
    );
  });

  test('that makes no sense is left unanswered, and does not disturb the next one', async () => {
    await askUntilAnswered({ orderIds: [], messageIds: [] });
    await expect(ask({ orderIds: ['rubbish'] }, 300)).rejects.toMatchObject({ code: 'BROKER_UNAVAILABLE' });
    expect(await ask({ orderIds: [], messageIds: [] })).toEqual({ orders: [], received: [] });
  });

  test('that nobody listens to ends when its time is over', async () => {
    const questions = { exchange: exchanges.inquiries, routingKey: 'nowhere' };
    const shouting = createRequester({
      ...inquiryWays,
      questions,
      url: broker.url,
      name: 'shouting',
      logger: testLogger,
    });
    shouting.start();
    const silence = { code: 'BROKER_UNAVAILABLE', message: expect.stringContaining('nothing came within') };
    await eventually(async () => {
      const asked = shouting.ask({ orderIds: [], messageIds: [] }, { timeoutMs: 200 });
      await expect(asked).rejects.toMatchObject(silence);
    });
    await shouting.stop();
  });

  test('is answered again after both connections were cut', async () => {
    await askUntilAnswered({ orderIds: [], messageIds: [] });
    const connections = await eventually(async () => {
      const found = (await manage('GET', `/api/vhosts/${broker.virtualHost}/connections`)) as {
        name: string;
      }[];
      return found.length >= 2 && found;
    });
    for (const { name } of connections)
      await manage('DELETE', `/api/connections/${encodeURIComponent(name)}`).catch(() => undefined);
    expect(await askUntilAnswered({ orderIds: [], messageIds: [] })).toEqual({ orders: [], received: [] });
  });
});
