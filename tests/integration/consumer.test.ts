import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { parseOrderMessage } from '#shared/contracts/order-events.ts';
import {
  deadLetterQueueOf,
  deadLetterRoutingKeyOf,
  exchanges,
  queues,
  retryExchangeOf,
  retryQueueOf,
} from '#shared/contracts/topology.ts';
import { AppError, type ErrorKind } from '#shared/kernel/errors.ts';
import {
  type IncomingMessage,
  lastDeath,
  type OutgoingMessage,
  publishOptions,
} from '#shared/messaging/message.ts';
import type { MessageHandler } from '#shared/messaging/message-handler.ts';
import { createTestBroker, type TestBroker } from '../support/broker.ts';
import { eventually } from '../support/eventually.ts';
import { orderCreated, outgoing } from './support/messages.ts';
import { startConsumer } from './support/running-consumer.ts';

const workQueue = queues.orderCreated;
const deadLetterQueue = deadLetterQueueOf(workQueue);
let broker: TestBroker;
let stopConsumer: () => Promise<void>;

beforeAll(async () => {
  broker = await createTestBroker();
});
afterEach(async () => {
  await stopConsumer();
  for (const queue of [workQueue, deadLetterQueue, ...broker.retryDelaysMs.map(retryQueueOf)]) {
    await broker.channel.purgeQueue(queue);
  }
});
afterAll(() => broker.drop());

function send(overrides: Partial<OutgoingMessage> = {}): OutgoingMessage {
  const message = outgoing(overrides);
  broker.channel.publish(message.exchange, message.routingKey, message.body, publishOptions(message));
  return message;
}

function failure(kind: ErrorKind, message = 'it did not work'): AppError {
  return new AppError({ code: 'PAYMENT_UNAVAILABLE', kind, message });
}

interface Attempt {
  readonly at: number;
  readonly message: IncomingMessage;
}

/** Consumes with `handle` and gives the list of attempts, which grows. */
async function consume(
  handle: (message: IncomingMessage, attempt: number) => Promise<void> | void,
  giveUp?: MessageHandler['giveUp'],
): Promise<readonly Attempt[]> {
  const attempts: Attempt[] = [];
  const consumer = await startConsumer({
    broker,
    handler: {
      async handle(message) {
        attempts.push({ at: performance.now(), message });
        await handle(message, attempts.length);
      },
      ...(giveUp ? { giveUp } : {}),
    },
  });
  stopConsumer = consumer.stop;
  return attempts;
}

/** The dead letter, once there is one and everything else has settled. */
async function onlyDeadLetter(): Promise<IncomingMessage> {
  await eventually(async () => (await broker.count(deadLetterQueue)) > 0);
  await expectNothingLeft();
  const letters = await broker.drain(deadLetterQueue);
  expect(letters).toHaveLength(1);
  return letters[0]!;
}

/** Neither waiting, nor in hand, nor on the ladder. */
async function expectNothingLeft(): Promise<void> {
  await stopConsumer();
  for (const queue of [workQueue, ...broker.retryDelaysMs.map(retryQueueOf)]) {
    expect([queue, await broker.count(queue)]).toEqual([queue, 0]);
  }
}

describe('a message that fails for a while', () => {
  test('climbs the ladder, each rung longer than the last, and rests in the dead-letter queue with its story', async () => {
    const before = Date.now();
    const attempts = await consume((message) => {
      throw failure('transient', `attempt ${message.failedAttempts + 1} failed`);
    });
    const sent = send({ headers: { tenant: 'a' }, body: Buffer.from('{"x":1}') });
    const letter = await onlyDeadLetter();

    expect(attempts.map(({ message }) => message.failedAttempts)).toEqual([0, 1, 2, 3]);
    expect(attempts.map(({ message }) => [message.exchange, message.routingKey])).toEqual(
      attempts.map(() => ['orders', 'order.created']),
    );
    const waits = attempts.slice(1).map(({ at }, index) => at - attempts[index]!.at);
    expect(waits.map((wait, index) => wait >= broker.retryDelaysMs[index]! - 1)).toEqual([true, true, true]);

    expect(letter).toMatchObject({
      messageId: sent.messageId,
      type: sent.type,
      correlationId: sent.correlationId,
      contentType: 'application/cloudevents+json',
      failedAttempts: 4,
      headers: {
        tenant: 'a',
        'x-attempts': 4,
        'x-error-code': 'PAYMENT_UNAVAILABLE',
        'x-error-message': 'attempt 4 failed',
        'x-original-exchange': 'orders',
        'x-original-routing-key': 'order.created',
        'x-original-queue': workQueue,
      },
    });
    expect(letter.body.toString()).toBe('{"x":1}');
    const [first, last] = ['x-first-failed-at', 'x-failed-at'].map((name) =>
      Date.parse(String(letter.headers[name])),
    );
    expect(first).toBeGreaterThanOrEqual(before);
    expect(last! - first!).toBeGreaterThanOrEqual(350);
    expect(last).toBeLessThanOrEqual(Date.now());
  });

  test('is done when an attempt succeeds', async () => {
    const attempts = await consume((_, attempt) => {
      if (attempt < 3) throw failure(attempt === 1 ? 'transient' : 'conflict');
    });
    const sent = send();
    await eventually(() => attempts.length === 3);
    await expectNothingLeft();
    expect(attempts.map(({ message }) => message.messageId)).toEqual(Array(3).fill(sent.messageId));
    expect(await broker.count(deadLetterQueue)).toBe(0);
  });

  test('takes an error that nobody foresaw for a passing one', async () => {
    const attempts = await consume(() => {
      throw new TypeError('undefined is not a function');
    });
    send();
    const letter = await onlyDeadLetter();
    expect(attempts).toHaveLength(4);
    expect(letter.headers).toMatchObject({
      'x-error-code': 'INTERNAL',
      'x-error-message': 'undefined is not a function',
    });
  });
});

describe('a message that can never succeed', () => {
  test.each(['permanent', 'rejected'] as const)(
    'goes straight to the dead-letter queue: %s',
    async (kind) => {
      const attempts = await consume(() => {
        throw failure(kind);
      });
      const sent = send();
      const letter = await onlyDeadLetter();
      expect(attempts).toHaveLength(1);
      expect(letter).toMatchObject({ messageId: sent.messageId, failedAttempts: 1 });
    },
  );

  test('is recognised by its body', async () => {
    const valid = orderCreated();
    const bodies = {
      'no body': '',
      'no JSON': '{"half":',
      'no text': Buffer.from([0xff, 0x00, 0xfe]),
      null: 'null',
      'a broken contract': JSON.stringify({ ...valid, sequence: 0 }),
      'another version': JSON.stringify({ ...valid, type: 'order.created.v2' }),
      'the name of a property': JSON.stringify({ ...valid, type: 'constructor' }),
    };
    const attempts = await consume((message) => {
      parseOrderMessage(message.body);
    });
    for (const [messageId, body] of Object.entries(bodies)) send({ messageId, body: Buffer.from(body) });
    await eventually(async () => (await broker.count(deadLetterQueue)) === Object.keys(bodies).length);
    await expectNothingLeft();

    expect(attempts).toHaveLength(Object.keys(bodies).length);
    const letters = await broker.drain(deadLetterQueue);
    const codes = letters.map(({ messageId, headers }) => [messageId, headers['x-error-code']]);
    expect(Object.fromEntries(codes)).toEqual({
      'no body': 'MALFORMED_MESSAGE',
      'no JSON': 'MALFORMED_MESSAGE',
      'no text': 'MALFORMED_MESSAGE',
      null: 'MALFORMED_MESSAGE',
      'a broken contract': 'MALFORMED_MESSAGE',
      'another version': 'UNSUPPORTED_MESSAGE',
      'the name of a property': 'UNSUPPORTED_MESSAGE',
    });
    const rubbish = letters.find(({ messageId }) => messageId === 'no text');
    expect(rubbish?.body).toEqual(bodies['no text']);
  });

  test('does not carry a whole novel as its reason', async () => {
    await consume(() => {
      throw failure('permanent', 'x'.repeat(200_000));
    });
    send();
    expect(String((await onlyDeadLetter()).headers['x-error-message'])).toHaveLength(1_000);
  });

  test('may come from anyone: without properties, headers or manners', async () => {
    await consume(() => {
      throw failure('permanent');
    });
    broker.channel.publish('', workQueue, Buffer.from('hello'), {});
    const letter = await onlyDeadLetter();
    expect(letter).toMatchObject({ messageId: '', type: '', exchange: '', routingKey: workQueue });
    expect(letter.body.toString()).toBe('hello');
  });
});

describe('a message whose dependency is away', () => {
  test('waits without burning attempts, and succeeds when the dependency is back', async () => {
    const attempts = await consume((_, attempt) => {
      if (attempt < 4) throw failure('unavailable');
    });
    send();
    await eventually(() => attempts.length === 4);
    await expectNothingLeft();
    expect(attempts.map(({ message }) => message.failedAttempts)).toEqual([0, 0, 0, 0]);
    expect(await broker.count(deadLetterQueue)).toBe(0);
  });
});

describe('a message with which it was found out that something is away', () => {
  test('lets the others go first, with nothing held against it', async () => {
    const data = { wasTried: true };
    const attempts: IncomingMessage[] = [];
    const consumer = await startConsumer({
      broker,
      concurrency: 1,
      handler: {
        async handle(message) {
          attempts.push(message);
          if (attempts.length === 1)
            throw new AppError({ code: 'PAYMENT_UNAVAILABLE', kind: 'unavailable', message: 'away', data });
        },
      },
    });
    stopConsumer = consumer.stop;
    const [first, second] = [send(), send()];
    await eventually(() => attempts.length === 3);
    await expectNothingLeft();
    expect(attempts.map(({ messageId, failedAttempts }) => [messageId, failedAttempts])).toEqual([
      [first.messageId, 0],
      [second.messageId, 0],
      [first.messageId, 0],
    ]);
  });
});

describe('a message whose dependency is away for very long', () => {
  test('goes back to the queue before the broker loses its patience, with nothing held against it', async () => {
    const attempts: IncomingMessage[] = [];
    let isAway = true;
    let isDone = false;
    const consumer = await startConsumer({
      broker,
      holdAtMostMs: 100,
      handler: {
        async handle(message) {
          attempts.push(message);
          if (isAway) throw failure('unavailable');
          isDone = true;
        },
      },
    });
    stopConsumer = consumer.stop;
    const sent = send({ headers: { tenant: 'a' } });
    const isFresh = ({ headers }: IncomingMessage) => headers['x-original-queue'] === workQueue;
    await eventually(() => attempts.filter(isFresh).length > 2);
    isAway = false;
    await eventually(() => isDone);
    await expectNothingLeft();
    for (const { messageId, exchange, routingKey, failedAttempts, unansweredDeliveries, headers } of attempts)
      expect([messageId, exchange, routingKey, failedAttempts, unansweredDeliveries, headers.tenant]).toEqual(
        [sent.messageId, 'orders', 'order.created', 0, 0, 'a'],
      );
    expect(await broker.count(deadLetterQueue)).toBe(0);
  });
});

describe('a message that nobody takes when it is passed on', () => {
  test('stays where it is until somebody does', async () => {
    const { channel } = broker;
    const [rung = 0] = broker.retryDelaysMs;
    const binding = [retryQueueOf(rung), retryExchangeOf(rung), '#'] as const;
    await channel.unbindQueue(...binding);
    const attempts = await consume((_, attempt) => {
      if (attempt < 4) throw failure('transient');
    });
    const sent = send();
    await eventually(() => attempts.length === 2);
    expect(attempts.map(({ message }) => message.failedAttempts)).toEqual([0, 0]);
    await channel.bindQueue(...binding);
    await eventually(() => attempts.length === 4);
    await expectNothingLeft();
    expect(attempts.map(({ message }) => message.messageId)).toEqual(Array(4).fill(sent.messageId));
  });

  test('finds the dead-letter queue also when its binding was deleted, which no publisher would notice', async () => {
    const key = deadLetterRoutingKeyOf(workQueue);
    await broker.channel.unbindQueue(deadLetterQueue, exchanges.deadLetters, key);
    await consume(() => {
      throw failure('permanent');
    });
    const sent = send();
    expect((await onlyDeadLetter()).messageId).toBe(sent.messageId);
  });
});

describe('a message of which our client cannot write a copy', () => {
  /** What others can write, and the broker takes. */
  const odd: Readonly<Record<string, unknown>> = {
    'a time beyond all times': { '!': 'timestamp', value: 2n ** 64n - 1n },
    'a table with a name that is special here': { '!': 'object', value: { '!': 'odd' } },
    'more than there is room for together with a diagnosis': 'x'.repeat(65_400),
  };

  test.each(['transient', 'permanent'] as const)(
    'is left to the broker as a dead letter, and keeps nobody waiting: %s',
    async (kind) => {
      const givenUp: string[] = [];
      const attempts = await consume(
        () => {
          throw failure(kind);
        },
        async ({ messageId }) => {
          givenUp.push(messageId);
          return 'park';
        },
      );
      const names = Object.keys(odd);
      for (const name of names) send({ messageId: name, headers: { odd: odd[name] } });
      await eventually(async () => (await broker.count(deadLetterQueue)) === names.length);
      await expectNothingLeft();
      expect(attempts.map(({ message }) => message.messageId).toSorted()).toEqual(names.toSorted());
      expect(givenUp.toSorted()).toEqual(names.toSorted());
      const letters = await broker.drain(deadLetterQueue);
      expect(letters.map(({ messageId, headers }) => [messageId, lastDeath(headers)])).toEqual(
        expect.arrayContaining(
          names.map((name) => [name, expect.objectContaining({ reason: 'rejected', exchange: 'orders' })]),
        ),
      );
    },
  );
});

describe('giving a message up', () => {
  test('happens before it is a dead letter, with the error it failed with', async () => {
    const givenUp: unknown[] = [];
    await consume(
      () => {
        throw failure('permanent', 'no hope');
      },
      async (message, error) => {
        givenUp.push([message.messageId, error.message, await broker.count(deadLetterQueue)]);
        return 'park';
      },
    );
    const sent = send();
    await onlyDeadLetter();
    expect(givenUp).toEqual([[sent.messageId, 'no hope', 0]]);
  });

  test('keeps the message while it fails', async () => {
    let refusals = 0;
    await consume(
      () => {
        throw failure('permanent');
      },
      async () => {
        if (refusals === 3) return 'park';
        refusals += 1;
        expect(await broker.count(deadLetterQueue)).toBe(0);
        throw failure('unavailable', 'the database is away');
      },
    );
    const sent = send();
    expect((await onlyDeadLetter()).messageId).toBe(sent.messageId);
    expect(refusals).toBe(3);
  });

  test('does not keep the message when no repetition helps against what it fails of', async () => {
    const attempts = await consume(
      () => {
        throw failure('transient', 'the first reason');
      },
      async () => {
        throw failure('permanent', 'the second reason');
      },
    );
    const sent = send();
    expect(await onlyDeadLetter()).toMatchObject({
      messageId: sent.messageId,
      headers: { 'x-error-message': 'the first reason' },
    });
    expect(attempts).toHaveLength(1 + broker.retryDelaysMs.length);
  });

  test('does not keep the message for ever when it fails of a mistake of ours', async () => {
    let refusals = 0;
    const consumer = await startConsumer({
      broker,
      holdAtMostMs: 500,
      handler: {
        async handle() {
          throw failure('permanent', 'no hope');
        },
        async giveUp() {
          refusals += 1;
          throw new TypeError('undefined is not a function');
        },
      },
    });
    stopConsumer = consumer.stop;
    const sent = send();
    expect((await onlyDeadLetter()).messageId).toBe(sent.messageId);
    expect(refusals).toBeGreaterThan(1);
  });

  test('makes no dead letter of a message that turns out to be done', async () => {
    const attempts = await consume(
      () => {
        throw failure('permanent');
      },
      async () => 'done',
    );
    send();
    await eventually(() => attempts.length === 1);
    await expectNothingLeft();
    expect(await broker.count(deadLetterQueue)).toBe(0);
  });
});
