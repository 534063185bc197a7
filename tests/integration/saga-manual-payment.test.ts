import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { queues } from '#shared/contracts/topology.ts';
import { eventually } from '../support/eventually.ts';
import { createProcessorAlone, messagesAbout, type ProcessorAlone } from './support/processor-alone.ts';

let processor: ProcessorAlone;

beforeAll(async () => {
  processor = await createProcessorAlone();
});
afterAll(() => processor?.system.dispose());

const hours = 3_600_000;

test('an order with manual payment waits with its stock reserved, and is not charged', async () => {
  const sku = await processor.stocked(10);
  const order = messagesAbout({ sku, payment: 'manual' });
  await processor.publish(order.created(), order.created());
  const { deadlineAt } = await processor.becomes(order.orderId, 'awaiting_payment');
  await eventually(async () => (await processor.system.broker.count(queues.orderCreated)) === 0);
  expect(await processor.typesAbout(order.orderId)).toEqual(['reserved']);
  expect(await processor.stockOf(sku)).toEqual({ onHand: 9, reserved: 1, shipped: 0 });
  expect(await processor.sandbox.movements(order.orderId)).toEqual([]);
  expect(Date.parse(deadlineAt as string) - Date.now()).toBeGreaterThan(71.9 * hours);
});

test('it is charged once when the payment is asked for, however often', async () => {
  const order = messagesAbout({ payment: 'manual' });
  await processor.publish(order.created());
  await processor.becomes(order.orderId, 'awaiting_payment');
  await processor.publish(...Array.from({ length: 5 }, order.paymentRequested));
  await processor.becomes(order.orderId, 'completed');
  expect(await processor.typesAbout(order.orderId)).toEqual(['reserved', 'paid', 'processed']);
  expect(await processor.sandbox.movements(order.orderId)).toEqual(['captured 1999']);
});

test('it does not wait when the request for the payment arrives before the order', async () => {
  const order = messagesAbout({ payment: 'manual' });
  await processor.publish(order.paymentRequested());
  await processor.becomes(order.orderId, 'completed');
  await processor.publish(order.created());
  await eventually(async () => (await processor.system.broker.count(queues.orderCreated)) === 0);
  expect(await processor.saga(order.orderId)).toMatchObject({ state: 'completed' });
  expect(await processor.sandbox.movements(order.orderId)).toEqual(['captured 1999']);
});

test('it fails for good and releases its stock when the payment is not asked for within its window', async () => {
  const sku = await processor.stocked(10);
  const order = messagesAbout({ sku, payment: 'manual' });
  await processor.publish(order.created());
  await processor.becomes(order.orderId, 'awaiting_payment');
  // Three days later.
  await processor.system.processorDatabase.pool.query(
    `UPDATE sagas SET deadline_at = deadline_at - interval '72 hours' WHERE order_id = $1`,
    [order.orderId],
  );
  const { failure, deadlineAt } = await processor.becomes(order.orderId, 'failed');
  expect([failure, deadlineAt]).toEqual([
    { code: 'PAYMENT_EXPIRED', message: expect.any(String), recoverable: false },
    null,
  ]);
  expect(await processor.typesAbout(order.orderId)).toEqual(['reserved', 'processed']);
  expect(await processor.stockOf(sku)).toEqual({ onHand: 10, reserved: 0, shipped: 0 });
  // Too late.
  await processor.publish(order.paymentRequested());
  const next = messagesAbout({});
  await processor.publish(next.created());
  await processor.becomes(next.orderId, 'completed');
  await eventually(async () => (await processor.system.broker.count(queues.orderCreated)) === 0);
  expect(await processor.saga(order.orderId)).toMatchObject({ state: 'failed' });
  expect(await processor.sandbox.movements(order.orderId)).toEqual([]);
});
