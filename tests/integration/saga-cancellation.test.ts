import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { deadLetterQueueOf, queues } from '#shared/contracts/topology.ts';
import { eventually } from '../support/eventually.ts';
import { magicAmounts } from '../support/load.ts';
import { createProcessorAlone, messagesAbout, type ProcessorAlone } from './support/processor-alone.ts';

let processor: ProcessorAlone;

beforeAll(async () => {
  processor = await createProcessorAlone({ PAYMENT_TIMEOUT_MS: '1000' });
});
afterAll(() => processor?.system.dispose());

const empty = (queue: string) => eventually(async () => (await processor.system.broker.count(queue)) === 0);
const tenOnHand = { onHand: 10, reserved: 0, shipped: 0 };

describe('a cancellation', () => {
  test('that arrives before the order closes the door to it', async () => {
    const sku = await processor.stocked(10);
    const order = messagesAbout({ sku });
    await processor.publish(order.cancelRequested());
    await processor.becomes(order.orderId, 'cancelled');
    await processor.publish(order.created(), order.cancelRequested());
    // One that came after it has been dealt with, so this one has been, too.
    const next = messagesAbout({ sku });
    await processor.publish(next.created());
    await processor.becomes(next.orderId, 'completed');
    await empty(queues.orderCreated);
    expect(await processor.typesAbout(order.orderId)).toEqual(['cancelled']);
    expect(await processor.sandbox.movements(order.orderId)).toEqual([]);
    expect(await processor.reservationsOf(order.orderId)).toEqual([]);
    expect(await processor.stockOf(sku)).toEqual({ onHand: 9, reserved: 0, shipped: 1 });
  });

  test('of an order that waits for its payment releases the stock without asking the provider', async () => {
    const sku = await processor.stocked(10);
    const order = messagesAbout({ sku, quantity: 3, payment: 'manual' });
    await processor.publish(order.created());
    await processor.becomes(order.orderId, 'awaiting_payment');
    expect(await processor.stockOf(sku)).toEqual({ onHand: 7, reserved: 3, shipped: 0 });
    await processor.publish(order.cancelRequested());
    await processor.becomes(order.orderId, 'cancelled');
    expect(await processor.typesAbout(order.orderId)).toEqual(['reserved', 'cancelled']);
    expect(await processor.stockOf(sku)).toEqual(tenOnHand);
    expect(await processor.reservationsOf(order.orderId)).toEqual(['released']);
    expect(await processor.sandbox.movements(order.orderId)).toEqual([]);
  });

  test('during a charge that has not taken place yet keeps it from ever taking place', async () => {
    const sku = await processor.stocked(10);
    const order = messagesAbout({ sku, amountMinor: magicAmounts.isHeld });
    await processor.publish(order.created());
    await processor.becomes(order.orderId, 'reserved');
    await processor.publish(order.cancelRequested());
    await processor.becomes(order.orderId, 'cancelled');
    await processor.sandbox.releaseHeld();
    await empty(queues.orderCreated);
    expect(await processor.sandbox.movements(order.orderId)).toEqual(['cancelled 0']);
    expect(await processor.typesAbout(order.orderId)).toEqual(['reserved', 'cancelled']);
    expect(await processor.stockOf(sku)).toEqual(tenOnHand);
  });

  test('during a charge that did take place gives the money back', async () => {
    const sku = await processor.stocked(10);
    const amount = magicAmounts.neverAnswersAfterCharging;
    const order = messagesAbout({ sku, amountMinor: amount });
    await processor.publish(order.created());
    await eventually(async () => (await processor.sandbox.movements(order.orderId)).length === 1);
    await processor.publish(order.cancelRequested());
    await processor.becomes(order.orderId, 'cancelled');
    expect(await processor.sandbox.movements(order.orderId)).toEqual([
      `captured ${amount}`,
      `refunded ${amount}`,
      'cancelled 0',
    ]);
    expect(await processor.typesAbout(order.orderId)).toEqual(['reserved', 'cancelled']);
    expect(await processor.stockOf(sku)).toEqual(tenOnHand);
    expect(await processor.system.broker.count(deadLetterQueueOf(queues.orderCreated))).toBe(0);
  });

  test('after the capture is rejected once, however often it is asked for', async () => {
    const order = messagesAbout({});
    await processor.publish(order.created());
    await processor.becomes(order.orderId, 'completed');
    await processor.publish(order.cancelRequested(), order.cancelRequested(), order.cancelRequested());
    await eventually(async () => (await processor.typesAbout(order.orderId)).length === 4);
    await empty(queues.orderRequests);
    expect((await processor.announced(order.orderId)).slice(2)).toEqual([
      { type: 'processed', data: { status: 'completed' } },
      { type: 'cancel_rejected', data: { code: 'ORDER_ALREADY_PAID', message: expect.any(String) } },
    ]);
    expect(await processor.sandbox.movements(order.orderId)).toEqual(['captured 1999']);
    expect(await processor.saga(order.orderId)).toMatchObject({ state: 'completed' });
  });

  test('after a failure for good is rejected', async () => {
    const order = messagesAbout({ amountMinor: magicAmounts.declined });
    await processor.publish(order.created());
    await processor.becomes(order.orderId, 'failed');
    await processor.publish(order.cancelRequested());
    await eventually(async () => (await processor.typesAbout(order.orderId)).includes('cancel_rejected'));
    expect((await processor.announced(order.orderId)).at(-1)).toMatchObject({
      data: { code: 'ORDER_STATE_CONFLICT' },
    });
  });

  test('of an order that waits for a replay makes the replay do nothing', async () => {
    const dlq = deadLetterQueueOf(queues.orderCreated);
    await processor.sandbox.force('error_before', { operations: ['charge'] });
    const order = messagesAbout({});
    const created = order.created();
    await processor.publish(created);
    await processor.becomes(order.orderId, 'failed');
    await processor.sandbox.lift();
    await eventually(async () => (await processor.system.broker.count(dlq)) === 1);
    const [letter] = await processor.system.broker.drain(dlq);
    await processor.publish(order.cancelRequested());
    await processor.becomes(order.orderId, 'cancelled');

    const { channel } = processor.system.broker;
    channel.publish('orders', 'order.created', letter!.body, {
      messageId: created.id,
      type: created.type,
      headers: { 'x-replay-count': 1 },
    });
    const next = messagesAbout({});
    await processor.publish(next.created());
    await processor.becomes(next.orderId, 'completed');
    await empty(queues.orderCreated);
    expect(await processor.saga(order.orderId)).toMatchObject({ state: 'cancelled', run: 0 });
    expect(await processor.typesAbout(order.orderId)).toEqual(['reserved', 'processed', 'cancelled']);
    expect(await processor.sandbox.movements(order.orderId)).toEqual(['cancelled 0']);
  });
});

test('forty orders that race with their cancellations end one way or the other, and never in between', async () => {
  const sku = await processor.stocked(40);
  const orders = Array.from({ length: 40 }, (_, index) =>
    messagesAbout({ sku, amountMinor: 100, payment: index % 2 === 0 ? 'automatic' : 'manual' }),
  );
  await processor.publish(
    ...orders.flatMap((order, index) => {
      const messages = [
        order.created(),
        ...(index % 2 === 0 ? [] : [order.paymentRequested(), order.paymentRequested()]),
        order.cancelRequested(),
        order.cancelRequested(),
      ];
      return index % 3 === 0 ? messages.reverse() : messages;
    }),
  );
  let shipped = 0;
  for (const { orderId } of orders) {
    const { state } = await eventually(async () => {
      // In this order: what is announced is true when the saga is read.
      const types = await processor.typesAbout(orderId);
      const saga = await processor.saga(orderId);
      const answered = types.includes('cancelled') || types.includes('cancel_rejected');
      return answered && saga;
    });
    expect(['cancelled', 'completed']).toContain(state);
    const types = await processor.typesAbout(orderId);
    expect(types.filter((type) => type.startsWith('cancel'))).toEqual([
      state === 'cancelled' ? 'cancelled' : 'cancel_rejected',
    ]);
    const net = (await processor.sandbox.movements(orderId)).reduce((sum, movement) => {
      const [kind, amount] = movement.split(' ');
      return sum + (kind === 'captured' ? Number(amount) : kind === 'refunded' ? -Number(amount) : 0);
    }, 0);
    expect([state, net]).toEqual([state, state === 'completed' ? 100 : 0]);
    if (state === 'completed') shipped += 1;
  }
  expect(await processor.stockOf(sku)).toEqual({ onHand: 40 - shipped, reserved: 0, shipped });
});
