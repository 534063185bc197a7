import type { OrderMessage, OrderProcessed } from '#shared/contracts/order-events.ts';
import { newId } from '#shared/kernel/ids.ts';
import type { Announcement, Saga } from '../domain/saga.ts';

/** The messages that tell the order-service about a step, numbered on from the saga's last one. */
export function announcementsOf(
  saga: Saga,
  announce: readonly Announcement[],
  now: Date,
): readonly OrderMessage[] {
  return announce.map((announcement, index) =>
    toMessage(saga, announcement, {
      specversion: '1.0',
      id: newId(),
      source: '/processor-service',
      subject: saga.order.orderId,
      time: now.toISOString(),
      datacontenttype: 'application/json',
      sequence: saga.eventSequence + 1 + index,
      correlationid: saga.correlationId,
      traceparent: saga.traceparent,
    }),
  );
}

type Envelope = Omit<OrderProcessed, 'type' | 'data'>;

function toMessage(saga: Saga, announcement: Announcement, envelope: Envelope): OrderMessage {
  const { run, order } = saga;
  switch (announcement) {
    case 'reserved':
      return { ...envelope, type: 'order.reserved.v1', data: { run } };
    case 'paid': {
      const { totalMinor: amountMinor, currency } = order;
      const paymentId = saga.paymentId ?? '';
      return { ...envelope, type: 'order.paid.v1', data: { run, paymentId, amountMinor, currency } };
    }
    case 'processed':
      return {
        ...envelope,
        type: 'order.processed.v1',
        data: saga.failure ? { run, status: 'failed', failure: saga.failure } : { run, status: 'completed' },
      };
    default:
      return announcement satisfies never;
  }
}
