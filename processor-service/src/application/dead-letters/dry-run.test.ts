import { describe, expect, test } from '@jest/globals';
import type { OrderInquiry, OrderInquiryAnswer } from '#shared/contracts/order-inquiries.ts';
import { deadLetterQueueOf, queues } from '#shared/contracts/topology.ts';
import type { IncomingMessage } from '#shared/messaging/message.ts';
import { createMessageHandlers } from '../../consumers/message-handlers.ts';
import type { Saga } from '../../domain/saga.ts';
import { sagaIn, someOrder, someTime } from '../../domain/testing/sagas.ts';
import { createDryRun } from './dry-run.ts';
import type { ReplayPrediction } from './predict-replay.ts';
import { createRehearse } from './rehearsal.ts';

const { orderId } = someOrder;
const messageId = '01a1fbf4-b78c-76fb-8985-d0f74e8924a4';
const replyQueue = deadLetterQueueOf(queues.orderProcessed);
const createdQueue = deadLetterQueueOf(queues.orderCreated);

const order: OrderInquiryAnswer['orders'][number] = {
  id: orderId,
  status: 'reserved',
  version: 2,
  failure: null,
  processingSequence: 1,
  processingRun: 0,
  cancellation: null,
  refundedMinor: 0,
};

function letter(event: { type: string; sequence?: number; data?: object }, changes = {}): IncomingMessage {
  const { type, sequence = 2, data = { run: 0, status: 'completed' } } = event;
  const envelope = {
    specversion: '1.0',
    id: messageId,
    source: '/processor-service',
    subject: orderId,
    time: someTime.toISOString(),
    datacontenttype: 'application/json',
    correlationid: 'c',
    traceparent: 't',
  };
  return {
    queue: replyQueue,
    messageId,
    type,
    correlationId: 'c',
    time: someTime,
    contentType: '',
    headers: {},
    body: Buffer.from(JSON.stringify({ ...envelope, type, sequence, data })),
    exchange: 'orders',
    routingKey: type.replace('.v1', ''),
    failedAttempts: 4,
    replayCount: 0,
    unansweredDeliveries: 0,
    ...changes,
  };
}

const processed = letter({ type: 'order.processed.v1' });
const created = letter(
  {
    type: 'order.created.v1',
    data: {
      customerId: 'c',
      currency: 'EUR',
      totalMinor: 1,
      items: [{ sku: 'A', quantity: 1, unitPriceMinor: 1 }],
    },
  },
  { queue: createdQueue },
);

/** A dry run over these letters, and every question it asks. */
function dryRunOf(letters: readonly IncomingMessage[], known: { answer?: OrderInquiryAnswer; saga?: Saga }) {
  const questions: OrderInquiry[] = [];
  const reads: (readonly string[])[] = [];
  const dryRun = createDryRun({
    deadLetters: {
      async *browse(queue) {
        for (const message of letters) if (message.queue === queue) yield { message, remove: neverCalled };
      },
      restoreBindings: neverCalled,
      publish: neverCalled,
    },
    sagas: {
      async findAll(orderIds) {
        reads.push(orderIds);
        return known.saga ? [known.saga] : [];
      },
    },
    stock: {
      findAll: async (skus) => skus.map((sku) => ({ sku, onHand: 9, reserved: 9, shipped: 9 })),
    },
    inquiries: {
      async ask(question) {
        questions.push(question);
        return known.answer;
      },
    },
    rehearse: createRehearse({ handlersOf: createMessageHandlers, clock: () => someTime }),
  });
  return { dryRun, questions, reads };
}

function neverCalled(): never {
  throw new Error('a dry run changes nothing');
}

async function predict(message: IncomingMessage, known: { answer?: OrderInquiryAnswer; saga?: Saga } = {}) {
  return dryRunOf([], known).dryRun.predictOne(message);
}

const answered = (received: string[] = [], changes: Partial<typeof order> = {}) => ({
  answer: { orders: [{ ...order, ...changes }], received },
});

describe('what a replay would do with a reply to the order-service', () => {
  test.each<[string, IncomingMessage, { answer?: OrderInquiryAnswer }, Partial<ReplayPrediction>]>([
    ['is the next one', processed, answered(), { effect: 'goes_on', order: 'reserved' }],
    ['was received', processed, answered([messageId]), { effect: 'none' }],
    [
      'is older than what the order knows',
      processed,
      answered([], { processingSequence: 2 }),
      { effect: 'none' },
    ],
    ['is early', processed, answered([], { processingSequence: 0 }), { effect: 'waits' }],
    [
      'is about no order',
      processed,
      { answer: { orders: [], received: [] } },
      { effect: 'fails_again', order: 'none' },
    ],
    ['cannot be held against anything', processed, {}, { effect: 'unknown', order: 'unknown' }],
    [
      'breaks its contract',
      letter({ type: 'order.processed.v1', data: {} }),
      answered(),
      {
        effect: 'fails_again',
        schema: { error: expect.stringMatching(/^MALFORMED_MESSAGE: /) as unknown as string },
      },
    ],
  ])('that %s', async (_, message, known, expected) => {
    expect(await predict(message, known)).toMatchObject(expected);
  });
});

describe('a dry run', () => {
  test('says that a letter whose destination is gone is not sent', async () => {
    for (const changes of [{ exchange: 'elsewhere' }, { routingKey: 'order.forgotten' }]) {
      expect(await predict({ ...created, ...changes })).toMatchObject({
        effect: 'fails_again',
        transition: [],
        reason: expect.stringMatching(/^it is not sent: no queue takes /),
      });
    }
  });

  test('names the states that the saga passes through', async () => {
    const failure = { code: 'PAYMENT_UNAVAILABLE', message: 'x', recoverable: true };
    expect(await predict(created, { saga: sagaIn('failed', { failure }) })).toMatchObject({
      effect: 'goes_on',
      saga: 'failed',
      transition: ['failed', 'reserved'],
      reason: 'failed → reserved, then the payment provider: charge',
    });
    expect(await predict(created, { saga: sagaIn('completed') })).toMatchObject({
      effect: 'none',
      transition: [],
      reason: 'dealt with already: the saga is completed',
    });
  });

  const selection = { queues: [createdQueue, replyQueue] };
  const many = Array.from({ length: 250 }, () => created);

  async function countOf(predictions: AsyncIterable<ReplayPrediction>): Promise<number> {
    let count = 0;
    for await (const _ of predictions) count += 1;
    return count;
  }

  test('asks and reads once for a hundred letters', async () => {
    const { dryRun, questions, reads } = dryRunOf(many, answered());
    expect(await countOf(dryRun.predict(selection))).toBe(250);
    expect(questions).toHaveLength(3);
    expect(reads).toHaveLength(3);
  });

  test('does not ask again when nobody answered', async () => {
    const { dryRun, questions } = dryRunOf([...many, processed], {});
    expect(await countOf(dryRun.predict(selection))).toBe(251);
    expect(questions).toHaveLength(1);
  });

  test('ends where it is told to', async () => {
    const { dryRun, reads } = dryRunOf([...many, processed], answered());
    expect(await countOf(dryRun.predict(selection, { limit: 120 }))).toBe(120);
    expect(reads).toHaveLength(2);
    expect(await countOf(dryRun.predict({ ...selection, types: ['order.processed.v1'] }))).toBe(1);
  });

  test('asks only for ids that the databases can know', async () => {
    const foreign = { ...created, body: Buffer.from('{"subject":"7; DROP TABLE sagas"}') };
    const { dryRun, questions, reads } = dryRunOf([], answered());
    expect(await dryRun.predictOne(foreign)).toMatchObject({ effect: 'fails_again', order: 'none' });
    expect([...questions, ...reads]).toEqual([]);
  });
});
