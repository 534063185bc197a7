import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createBrokerConnection } from '#shared/messaging/broker-connection.ts';
import { createTestBroker, type TestBroker } from '../support/broker.ts';
import { testLogger } from './support/logger.ts';

let broker: TestBroker;

beforeAll(async () => {
  broker = await createTestBroker();
});
afterAll(() => broker.drop());

test('a stop ends also the connection that is just being made', async () => {
  const attaching = Promise.withResolvers<void>();
  const letAttach = Promise.withResolvers<void>();
  const connection = createBrokerConnection({
    url: broker.url,
    name: 'test',
    logger: testLogger,
    async attach() {
      attaching.resolve();
      await letAttach.promise;
    },
    detach: () => undefined,
  });
  connection.start();
  await attaching.promise;
  const stopped = connection.stop();
  letAttach.resolve();
  await stopped;
  expect(connection.state()).toBe('disconnected');
});
