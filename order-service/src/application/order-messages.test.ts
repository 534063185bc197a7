import { describe, expect, test } from '@jest/globals';
import { createMessageHandlers } from '#processor-service/consumers/message-handlers.ts';
import { orderContracts, parseOrderMessage, routingKeyOf } from '#shared/contracts/order-events.ts';
import { workQueues } from '#shared/contracts/topology.ts';
import type { IncomingMessage } from '#shared/messaging/message.ts';
import type { OrderEvent } from '../domain/order-events.ts';
import { orderWith } from '../domain/testing/orders.ts';
import { announcementsOf } from './order-messages.ts';

const order = orderWith({ metadata: { channel: 'web' }, description: 'not for the processor' });
const cause = {
  actor: 'customer',
  correlationId: 'checkout-1',
  traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`,
};
const refundId = '5f0c2c63-4f6f-4c56-9d0c-3a4f5e1b2c3d';

const events: readonly [OrderEvent, string][] = [
  [{ type: 'placed', data: order }, 'process'],
  [{ type: 'paymentRequested', data: {} }, 'process'],
  [{ type: 'cancellationRequested', data: { reason: 'ordered twice' } }, 'cancel'],
  [{ type: 'refundRequested', data: { refundId, amountMinor: 40, reason: 'broken' } }, 'refund'],
];
const announced = events.map(([event, wanted]) => {
  const [row, ...more] = announcementsOf(order, event, cause);
  if (!row || more.length > 0) throw new Error(`${event.type} is announced once`);
  return { row, wanted };
});

/** The processor's own consumers, over use cases that only note what they were asked. */
function processor() {
  const asked: { what: string; request: object }[] = [];
  const note = (what: string) => async (request: object) => {
    asked.push({ what, request });
    return undefined;
  };
  const handlers = createMessageHandlers({
    processOrder: { process: note('process'), giveUp: async () => false },
    cancelOrder: note('cancel'),
    refundOrder: { request: note('refund'), settle: note('settle') },
  });
  return { asked, handlers: new Map(Object.entries(handlers)) };
}

describe('what the order-service announces', () => {
  test('is everything that its contracts provide for', () => {
    const received = new Set(announced.map(({ row }) => row.type));
    const forProcessor = Object.keys(orderContracts).filter((type) =>
      workQueues.some(
        (queue) => queue.name.startsWith('processor-') && queue.routingKeys.includes(routingKeyOf(type)),
      ),
    );
    expect(received).toEqual(new Set(forProcessor));
  });

  test.each(announced)('carries nothing that the contract does not know: $row.type', ({ row }) => {
    expect(parseOrderMessage(Buffer.from(row.payload))).toEqual(JSON.parse(row.payload));
  });

  test.each(announced)(
    'is taken by the processor where it is routed to: $row.type',
    async ({ row, wanted }) => {
      const queue = workQueues.find(({ routingKeys }) => routingKeys.includes(routingKeyOf(row.type)));
      const { asked, handlers } = processor();
      await handlers.get(queue?.name ?? '')?.handle({ body: Buffer.from(row.payload) } as IncomingMessage);
      expect(asked).toMatchObject([{ what: wanted, request: { correlationId: 'checkout-1' } }]);
    },
  );
});
