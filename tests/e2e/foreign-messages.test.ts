import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { deadLetterQueueOf, exchanges, queues } from '#shared/contracts/topology.ts';
import { dlqCommand } from '../support/dlq-command.ts';
import { eventually } from '../support/eventually.ts';
import { publishForeign } from '../support/publish.ts';
import { createTestSystem, orderClient, type TestSystem } from '../support/system.ts';

let system: TestSystem;

beforeAll(async () => {
  system = await createTestSystem();
});
afterEach(async () => {
  // Whatever came, the services go on with their work.
  const orders = orderClient(system.urls.order);
  const { id } = await orders.place();
  await orders.becomes(id, 'completed');
});
afterAll(() => system?.dispose());

const envelope = {
  specversion: '1.0',
  id: randomUUID(),
  source: '/somebody',
  subject: randomUUID(),
  time: new Date().toISOString(),
  datacontenttype: 'application/json',
  sequence: 1,
  correlationid: 'c',
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
};
const items = [{ sku: 'SKU-001', quantity: 1, unitPriceMinor: 5 }];
const created = { customerId: 'c', currency: 'EUR', totalMinor: 5, items };
const event = (type: string, data: object): string => JSON.stringify({ ...envelope, type, data });

/** Publishes a message and takes it from the dead-letter queue it must come to rest in. */
async function deadLetterOf(routingKey: string, workQueue: string, body: string, properties = {}) {
  await publishForeign(system.broker.url, [{ exchange: exchanges.orders, routingKey, body, properties }]);
  const [letter] = await eventually(async () => {
    const letters = await system.broker.drain(deadLetterQueueOf(workQueue));
    return letters.length === 1 && letters;
  });
  return letter;
}

describe('a message comes to rest among the dead letters at once, and says why, when', () => {
  test.each([
    ['it is not JSON', '{"type": "order.crea', 'MALFORMED_MESSAGE', 'not JSON'],
    ['it is empty', '', 'MALFORMED_MESSAGE', 'not JSON'],
    ['it is no event', '[1, 2]', 'MALFORMED_MESSAGE', 'no CloudEvents type'],
    ['it is null', 'null', 'MALFORMED_MESSAGE', 'no CloudEvents type'],
    [
      'it lacks what was agreed',
      event('order.created.v1', { ...created, items: [] }),
      'MALFORMED_MESSAGE',
      'data.items',
    ],
    [
      'a number is a text',
      event('order.created.v1', { ...created, totalMinor: '5' }),
      'MALFORMED_MESSAGE',
      'totalMinor',
    ],
    ['its version is unknown', event('order.created.v2', created), 'UNSUPPORTED_MESSAGE', 'order.created.v2'],
    [
      'no column can hold its text',
      event('order.created.v1', { ...created, customerId: 'a\u0000' }),
      'MALFORMED_MESSAGE',
      'data.customerId',
    ],
    [
      'it is not for this queue',
      event('order.reserved.v1', { run: 0 }),
      'UNSUPPORTED_MESSAGE',
      'order.reserved.v1',
    ],
  ])('%s', async (_when, body, code, reason) => {
    const messageId = randomUUID();
    const letter = await deadLetterOf('order.created', queues.orderCreated, body, { messageId });
    expect(letter).toMatchObject({
      messageId,
      headers: {
        'x-error-code': code,
        'x-error-message': expect.stringContaining(reason),
        'x-attempts': 1,
        'x-first-failed-at': expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
        'x-original-exchange': 'orders',
        'x-original-routing-key': 'order.created',
        'x-original-queue': queues.orderCreated,
      },
    });
    expect(letter?.body.toString()).toBe(body);
  });

  test.each([
    ['a reply is not JSON', 'oops', 'MALFORMED_MESSAGE'],
    ['the version of a reply is unknown', event('order.paid.v7', {}), 'UNSUPPORTED_MESSAGE'],
    ['a reply is about no order', event('order.reserved.v1', { run: 0 }), 'ORDER_NOT_FOUND'],
  ])('%s', async (_when, body, code) => {
    const letter = await deadLetterOf('order.paid', queues.orderProcessed, body);
    expect(letter?.headers).toMatchObject({ 'x-error-code': code, 'x-original-routing-key': 'order.paid' });
  });
});

test('a dead letter without any properties can be shown and discarded all the same', async () => {
  await publishForeign(system.broker.url, [
    { exchange: exchanges.orders, routingKey: 'order.created', body: 'junk' },
  ]);
  const queue = deadLetterQueueOf(queues.orderCreated);
  await eventually(async () => (await system.broker.count(queue)) === 1);
  const target = { brokerUrl: system.broker.urls.operator, databaseUrl: system.processorDatabase.url };
  const { stdout } = await dlqCommand(target, 'list', '--queue', queue, '--json');
  const { id } = JSON.parse(stdout) as { id: string };
  expect(id).toMatch(/^sha256-[0-9a-f]{16}$/);
  expect((await dlqCommand(target, 'show', id)).stdout).toContain('junk');
  expect(await dlqCommand(target, 'discard', id, '--reason', 'junk')).toMatchObject({ code: 0 });
  expect(await dlqCommand(target, 'list')).toMatchObject({ code: 0, stdout: 'no dead letters\n' });
});
