import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { deadLetterQueueOf, queues } from '#shared/contracts/topology.ts';
import { newId } from '#shared/kernel/ids.ts';
import { eventually } from '../support/eventually.ts';
import { createProcessorAlone, messagesAbout, type ProcessorAlone } from './support/processor-alone.ts';

let processor: ProcessorAlone;

beforeAll(async () => {
  processor = await createProcessorAlone({ COMPENSATION_ATTEMPTS: '8', PAYMENT_TIMEOUT_MS: '300' });
});
afterEach(() => processor.sandbox.lift());
afterAll(() => processor?.system.dispose());

/** An order of two pieces at 5.00 that is paid and shipped. */
async function paid() {
  const sku = await processor.stocked(10);
  const order = messagesAbout({ sku, quantity: 2, amountMinor: 500 });
  await processor.publish(order.created());
  await processor.becomes(order.orderId, 'completed');
  expect(await processor.stockOf(sku)).toEqual({ onHand: 8, reserved: 0, shipped: 2 });
  return { ...order, sku };
}

const refunded = (orderId: string, refundedMinor: number) =>
  eventually(async () => {
    const saga = await processor.saga(orderId);
    if (saga.refundedMinor !== refundedMinor) throw new Error(`${saga.refundedMinor} refunded`);
    return saga;
  });

describe('a refund', () => {
  test('of everything gives the money back and puts the stock on the shelf again', async () => {
    const { orderId, sku, refundRequested } = await paid();
    const request = refundRequested();
    await processor.publish(request);
    await processor.becomes(orderId, 'refunded');
    expect(await processor.sandbox.movements(orderId)).toEqual(['captured 1000', 'refunded 1000']);
    expect(await processor.stockOf(sku)).toEqual({ onHand: 10, reserved: 0, shipped: 0 });
    expect(await processor.reservationsOf(orderId)).toEqual(['returned']);
    const { refundId } = request.data;
    expect((await processor.announced(orderId)).slice(3)).toEqual([
      {
        type: 'refunded',
        data: { refundId, amountMinor: 1_000, refundedMinor: 1_000, full: true, currency: 'EUR' },
      },
    ]);
  });

  test('of a part leaves the order completed; the last part brings the stock back; more is rejected', async () => {
    const { orderId, sku, refundRequested } = await paid();
    await processor.publish(refundRequested(300));
    await refunded(orderId, 300);
    expect(await processor.saga(orderId)).toMatchObject({ state: 'completed', deadlineAt: null });
    expect(await processor.stockOf(sku)).toEqual({ onHand: 8, reserved: 0, shipped: 2 });
    await processor.publish(refundRequested(701));
    await eventually(async () => (await processor.typesAbout(orderId)).includes('refund_rejected'));
    await processor.publish(refundRequested(700));
    await processor.becomes(orderId, 'refunded');
    expect(await processor.stockOf(sku)).toEqual({ onHand: 10, reserved: 0, shipped: 0 });
    expect(await processor.sandbox.movements(orderId)).toEqual([
      'captured 1000',
      'refunded 300',
      'refunded 700',
    ]);
    expect((await processor.announced(orderId)).slice(3)).toMatchObject([
      { type: 'refunded', data: { amountMinor: 300, refundedMinor: 300, full: false } },
      { type: 'refund_rejected', data: { code: 'REFUND_TOO_LARGE' } },
      { type: 'refunded', data: { amountMinor: 700, refundedMinor: 1_000, full: true } },
    ]);
  });

  test('with one id moves money once, however often and at whatever moment it is asked for', async () => {
    const { orderId, refundRequested } = await paid();
    const copies = Array.from({ length: 10 }, () =>
      refundRequested(400, '01a1fbf4-b78c-46fb-8985-bfb8b76312a0'),
    );
    await processor.publish(...copies);
    await refunded(orderId, 400);
    await processor.publish(...copies, refundRequested(600));
    await processor.becomes(orderId, 'refunded');
    expect(await processor.sandbox.movements(orderId)).toEqual([
      'captured 1000',
      'refunded 400',
      'refunded 600',
    ]);
    expect((await processor.typesAbout(orderId)).slice(3)).toEqual(['refunded', 'refunded']);
  });

  test('ten at the same time give back exactly what was paid', async () => {
    const { orderId, refundRequested } = await paid();
    await processor.publish(...Array.from({ length: 10 }, () => refundRequested(300)));
    await eventually(async () => (await processor.typesAbout(orderId)).length === 13);
    await refunded(orderId, 900);
    const types = (await processor.typesAbout(orderId)).slice(3);
    expect(types.filter((type) => type === 'refunded')).toHaveLength(3);
    expect(types.filter((type) => type === 'refund_rejected')).toHaveLength(7);
    expect((await processor.sandbox.movements(orderId)).slice(1)).toEqual(Array(3).fill('refunded 300'));
  });

  test.each([
    'error_before',
    'error_after',
    'reset_after',
    'timeout_before',
    'timeout_after',
    'rate_limited',
  ])(
    'that meets "%s" is tried again with the same key until it is certain, and moves money once',
    async (scenario) => {
      const { orderId, refundRequested } = await paid();
      await processor.sandbox.force(scenario, { operations: ['refund'], remaining: 2 });
      await processor.publish(refundRequested());
      await processor.becomes(orderId, 'refunded');
      expect(await processor.sandbox.movements(orderId)).toEqual(['captured 1000', 'refunded 1000']);
      expect(await processor.system.broker.count(deadLetterQueueOf(queues.orderRequests))).toBe(0);
    },
  );

  test('needs attention when its stock cannot come back, and moves the money once all the same', async () => {
    const { orderId, refundRequested, sku } = await paid();
    const move = (pieces: number) =>
      processor.system.processorDatabase.pool.query(
        'UPDATE stock SET on_hand = on_hand + $2, shipped = shipped - $2 WHERE sku = $1',
        [sku, pieces],
      );
    await move(2);
    await processor.publish(refundRequested());
    const stuck = await eventually(async () => {
      const saga = await processor.saga(orderId);
      return saga.refunds[0]?.state === 'needs_attention' && saga;
    });
    expect(stuck.refunds).toMatchObject([
      { trouble: { code: 'INTERNAL', message: `cannot restock 2 of ${sku}` } },
    ]);
    await move(-2);
    await processor.resume(orderId);
    await processor.becomes(orderId, 'refunded');
    expect(await processor.sandbox.movements(orderId)).toEqual(['captured 1000', 'refunded 1000']);
    expect(await processor.stockOf(sku)).toEqual({ onHand: 10, reserved: 0, shipped: 0 });
  });

  test('that the provider declines needs attention, is listed, and goes on when an operator resumes it', async () => {
    const { orderId, refundRequested, sku } = await paid();
    await processor.sandbox.force('compensation_declined', { operations: ['refund'] });
    const request = refundRequested();
    await processor.publish(request);
    const stuck = await eventually(async () => {
      const saga = await processor.saga(orderId);
      return saga.refunds[0]?.state === 'needs_attention' && saga;
    });
    expect(stuck).toMatchObject({
      state: 'completed',
      deadlineAt: null,
      refunds: [{ id: request.data.refundId, trouble: { code: 'PAYMENT_PROTOCOL_ERROR' } }],
    });
    const listed = await fetch(`${processor.system.urls.processor}/sagas?state=needs_attention`);
    expect(await listed.json()).toMatchObject({ items: [{ orderId }] });
    // The same wish again changes nothing about that.
    await processor.publish(request);
    await eventually(async () => (await processor.system.broker.count(queues.orderRequests)) === 0);

    await processor.sandbox.lift();
    expect((await processor.resume(orderId)).status).toBe(200);
    await processor.becomes(orderId, 'refunded');
    expect(await processor.sandbox.movements(orderId)).toEqual(['captured 1000', 'refunded 1000']);
    expect(await processor.stockOf(sku)).toEqual({ onHand: 10, reserved: 0, shipped: 0 });
  });

  test('is rejected when no money is held', async () => {
    const order = messagesAbout({ payment: 'manual' });
    await processor.publish(order.created());
    await processor.becomes(order.orderId, 'awaiting_payment');
    await processor.publish(order.refundRequested(1));
    await eventually(async () => (await processor.typesAbout(order.orderId)).length === 2);
    expect((await processor.announced(order.orderId))[1]).toMatchObject({
      type: 'refund_rejected',
      data: { code: 'ORDER_STATE_CONFLICT' },
    });
  });

  test.each([
    ['of an order that was never processed', 'SAGA_NOT_FOUND', 'EUR'],
    ['in another currency', 'MALFORMED_MESSAGE', 'USD'],
  ])('%s rests among the dead letters', async (_what, code, currency) => {
    const order = currency === 'USD' ? await paid() : messagesAbout({});
    const request = order.refundRequested(1, newId(), currency);
    await processor.publish(request);
    const dlq = deadLetterQueueOf(queues.orderRequests);
    const [letter] = await eventually(async () => {
      const letters = await processor.system.broker.drain(dlq);
      return letters.length > 0 && letters;
    });
    expect([letter?.messageId, letter?.headers['x-error-code']]).toEqual([request.id, code]);
  });
});
