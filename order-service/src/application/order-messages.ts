import type { OrderMessage } from '#shared/contracts/order-events.ts';
import { newId } from '#shared/kernel/ids.ts';
import { type OutboxRow, toOutboxRow } from '#shared/outbox/outbox-message.ts';
import type { Order } from '../domain/order.ts';
import type { OrderEvent } from '../domain/order-events.ts';
import type { Cause } from './ports/order-repository.ts';

/** What the processor is told of an event; nothing, where it concerns only this service. */
export function announcementsOf(order: Order, event: OrderEvent, cause: Cause): readonly OutboxRow[] {
  const message = toMessage(order, event, {
    specversion: '1.0',
    id: newId(),
    source: '/order-service',
    subject: order.id,
    time: order.updatedAt.toISOString(),
    datacontenttype: 'application/json',
    sequence: order.eventSequence + 1,
    correlationid: cause.correlationId,
    traceparent: cause.traceparent,
  });
  return message ? [toOutboxRow(message)] : [];
}

type Envelope = Omit<OrderMessage, 'type' | 'data'>;

function toMessage(order: Order, event: OrderEvent, envelope: Envelope): OrderMessage | undefined {
  const { customerId, currency, totalMinor, items, payment } = order;
  const data = { customerId, currency, totalMinor, items: [...items], payment };
  switch (event.type) {
    case 'placed':
      return { ...envelope, type: 'order.created.v1', data };
    case 'paymentRequested':
      return { ...envelope, type: 'order.payment_requested.v1', data };
    case 'cancellationRequested':
      return {
        ...envelope,
        type: 'order.cancel_requested.v1',
        data: { ...data, reason: event.data.reason },
      };
    case 'refundRequested':
      return { ...envelope, type: 'order.refund_requested.v1', data: { ...event.data, currency } };
    case 'reserved':
    case 'paid':
    case 'completed':
    case 'failed':
    case 'retried':
    case 'fulfilled':
    case 'cancelled':
    case 'cancellationRejected':
    case 'partiallyRefunded':
    case 'refunded':
    case 'refundRejected':
      return undefined;
    default:
      return event satisfies never;
  }
}
