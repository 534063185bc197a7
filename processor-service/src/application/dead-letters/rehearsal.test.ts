import { describe, expect, test } from '@jest/globals';
import type { OrderMessageType } from '#shared/contracts/order-events.ts';
import { deadLetterQueueOf, queues } from '#shared/contracts/topology.ts';
import type { IncomingMessage } from '#shared/messaging/message.ts';
import { createMessageHandlers } from '../../consumers/message-handlers.ts';
import type { Saga } from '../../domain/saga.ts';
import { sagaIn, someOrder, someTime } from '../../domain/testing/sagas.ts';
import { createRehearse } from './rehearsal.ts';

const { orderId, customerId, currency, totalMinor } = someOrder;
const failure = { code: 'PAYMENT_UNAVAILABLE', message: 'it was away', recoverable: true };
const refundId = '01a1fbf4-b78c-76fb-8985-d0f74e8924a4';
const items = someOrder.items.map((item) => ({ ...item, unitPriceMinor: 1 }));

const dataOf: Partial<Record<OrderMessageType, object>> = {
  'order.created.v1': { customerId, currency, totalMinor, items },
  'order.payment_requested.v1': { customerId, currency, totalMinor, items, payment: 'manual' },
  'order.cancel_requested.v1': { customerId, currency, totalMinor, items, reason: 'mistake' },
  'order.refund_requested.v1': { refundId, amountMinor: 40, currency, reason: 'broken' },
};

function letter(type: OrderMessageType, changes: Partial<IncomingMessage> = {}): IncomingMessage {
  const queue = /cancel|refund/.test(type) ? queues.orderRequests : queues.orderCreated;
  const body = {
    specversion: '1.0',
    id: refundId,
    source: '/order-service',
    type,
    subject: orderId,
    time: someTime.toISOString(),
    datacontenttype: 'application/json',
    sequence: 1,
    correlationid: 'c',
    traceparent: 't',
    data: dataOf[type],
  };
  return {
    queue: deadLetterQueueOf(queue),
    messageId: 'm',
    type,
    correlationId: 'c',
    time: someTime,
    contentType: '',
    headers: {},
    body: Buffer.from(JSON.stringify(body)),
    exchange: 'orders',
    routingKey: type.replace('.v1', ''),
    failedAttempts: 4,
    replayCount: 0,
    unansweredDeliveries: 0,
    ...changes,
  };
}

const stockOf = (count: number) =>
  new Map(['A', 'B'].map((sku) => [sku, { sku, onHand: count, reserved: count, shipped: count }]));

const rehearse = (message: IncomingMessage, saga?: Saga, stock = stockOf(100)) =>
  createRehearse({ handlersOf: createMessageHandlers, clock: () => someTime })(message, { saga, stock });

const created = letter('order.created.v1');
const paymentRequested = letter('order.payment_requested.v1');
const cancelRequested = letter('order.cancel_requested.v1');
const refundRequested = letter('order.refund_requested.v1');
const manual = { order: { ...someOrder, payment: 'manual' as const }, paymentRequested: false };

describe('the rehearsal of a replay', () => {
  test.each<[string, IncomingMessage, Saga | undefined, string[], object]>([
    [
      'begins the saga of a new order',
      created,
      undefined,
      ['none', 'reserved'],
      { end: 'asks', call: 'charge' },
    ],
    [
      'starts a recoverable failure again',
      created,
      sagaIn('failed', { failure }),
      ['failed', 'reserved'],
      { end: 'asks', call: 'charge' },
    ],
    [
      'looks up a payment that is under way',
      created,
      sagaIn('reserved'),
      ['reserved'],
      { end: 'asks', call: 'lookup' },
    ],
    ['leaves a completed order alone', created, sagaIn('completed'), ['completed'], { end: 'done' }],
    ['leaves a cancelled order alone', created, sagaIn('cancelled'), ['cancelled'], { end: 'done' }],
    [
      'leaves a final failure alone',
      created,
      sagaIn('failed', { failure: { ...failure, recoverable: false } }),
      ['failed'],
      { end: 'done' },
    ],
    [
      'waits while the last run is being undone',
      created,
      sagaIn('compensating', { failure }),
      ['compensating'],
      { end: 'retried', error: { code: 'SAGA_BUSY' } },
    ],
    [
      'fails again when the last run cannot be undone',
      created,
      sagaIn('needs_attention', { failure }),
      ['needs_attention'],
      { end: 'parked', error: { code: 'SAGA_BUSY' } },
    ],
    [
      'lets a manual payment begin',
      paymentRequested,
      sagaIn('awaiting_payment', manual),
      ['awaiting_payment', 'reserved'],
      { end: 'asks', call: 'charge' },
    ],
    ['cancels before anything began', cancelRequested, undefined, ['none', 'cancelled'], { end: 'done' }],
    [
      'cancels what waits for its payment',
      cancelRequested,
      sagaIn('awaiting_payment', manual),
      ['awaiting_payment', 'cancelled'],
      { end: 'done' },
    ],
    [
      'undoes a payment under way',
      cancelRequested,
      sagaIn('reserved'),
      ['reserved', 'compensating'],
      { end: 'asks', call: 'cancel' },
    ],
    [
      'refunds a completed order',
      refundRequested,
      sagaIn('completed', { paymentId: 'p' }),
      ['completed', 'completed'],
      { end: 'asks', call: 'refund' },
    ],
    [
      'refunds nothing twice',
      refundRequested,
      sagaIn('completed', {
        refunds: [{ id: refundId, amountMinor: 40, reason: 'broken', state: 'refunded' }],
      }),
      ['completed'],
      { end: 'done' },
    ],
    [
      'fails again where there is no order to refund',
      refundRequested,
      undefined,
      ['none'],
      { end: 'parked', error: { code: 'SAGA_NOT_FOUND' } },
    ],
    [
      'fails again what breaks its contract',
      { ...created, body: Buffer.from('{"type":"order.created.v1"}') },
      undefined,
      ['none'],
      { end: 'parked', error: { code: 'MALFORMED_MESSAGE' } },
    ],
  ])('%s', async (_, message, saga, states, end) => {
    const before = JSON.stringify(saga);
    expect(await rehearse(message, saga)).toMatchObject({ ...end, states });
    expect(JSON.stringify(saga)).toBe(before);
  });

  test('counts as one replay more than the letter had', async () => {
    const saga = sagaIn('failed', { failure, replays: 3 });
    expect(await rehearse({ ...created, replayCount: 3 }, saga)).toMatchObject({ end: 'asks' });
    expect(await rehearse({ ...created, replayCount: 2 }, saga)).toMatchObject({
      end: 'parked',
      error: { code: failure.code },
      states: ['failed'],
    });
  });

  test('looks at the stock there is', async () => {
    for (const saga of [undefined, sagaIn('failed', { failure })]) {
      expect(await rehearse(created, saga, stockOf(0))).toMatchObject({
        end: 'done',
        states: [saga?.state ?? 'none', 'failed'],
        saga: { failure: { code: 'OUT_OF_STOCK' } },
      });
    }
  });
});
