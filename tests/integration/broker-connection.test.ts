import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { createBrokerConnection } from '#shared/messaging/broker-connection.ts';
import { beginWork, factsAtHand } from '#shared/observability/work-at-hand.ts';
import { createTestBroker, type TestBroker } from '../support/broker.ts';
import { eventually } from '../support/eventually.ts';
import { testLogger } from './support/logger.ts';
import { createNetworkLink, type NetworkLink } from './support/network-link.ts';

let broker: TestBroker;

beforeAll(async () => {
  broker = await createTestBroker();
});
afterAll(() => broker.drop());

test('a stop ends also the connection that is just being made, however long that takes', async () => {
  const attaching = Promise.withResolvers<void>();
  const connection = createBrokerConnection({
    url: broker.url,
    name: 'test',
    logger: testLogger,
    async attach() {
      attaching.resolve();
      await new Promise<never>(() => undefined);
    },
    detach: () => undefined,
  });
  connection.start();
  await attaching.promise;
  await connection.stop();
  expect(connection.state()).toBe('disconnected');
});

test('what a connection says is not about the work that needed it first', async () => {
  const lines: string[] = [];
  const logger = pino({ mixin: factsAtHand }, { write: (line: string) => void lines.push(line) });
  const connection = createBrokerConnection({
    url: broker.url,
    name: 'test',
    logger,
    attach: async () => undefined,
    detach: () => undefined,
  });
  beginWork({ orderId: 'order-1' }, undefined, () => {
    logger.info('needed');
    connection.start();
  });
  await eventually(() => connection.state() === 'connected');
  await connection.stop();
  const told = lines.map((line) => JSON.parse(line) as { msg: string; orderId?: string });
  expect(told.map(({ msg, orderId }) => [msg, orderId])).toEqual([
    ['needed', 'order-1'],
    ['connected to the broker', undefined],
  ]);
});

describe('a broker that goes away while a connection to it is being closed', () => {
  let link: NetworkLink;
  beforeEach(async () => {
    link = await createNetworkLink(broker.url);
  });
  afterEach(() => link.dispose());

  test('does not hold up a stop', async () => {
    const connection = createBrokerConnection({
      url: link.url,
      name: 'test',
      logger: testLogger,
      attach: async () => undefined,
      detach: () => undefined,
    });
    connection.start();
    await eventually(() => connection.state() === 'connected');
    link.holdAnswers();
    const stopped = connection.stop();
    link.cut();
    await stopped;
    expect(connection.state()).toBe('disconnected');
  });

  test('does not keep it from coming back', async () => {
    let attempts = 0;
    const connection = createBrokerConnection({
      url: link.url,
      name: 'test',
      logger: testLogger,
      async attach() {
        attempts += 1;
        if (attempts > 1) return;
        link.holdAnswers();
        setImmediate(() => link.cut());
        throw new Error('cannot be set up');
      },
      detach: () => undefined,
    });
    connection.start();
    await eventually(() => connection.state() === 'connected');
    expect(attempts).toBe(2);
    await connection.stop();
  });
});
