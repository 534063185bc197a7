import type { OrderCreated } from '#shared/contracts/order-events.ts';
import { newId } from '#shared/kernel/ids.ts';
import type { OutgoingMessage } from '#shared/messaging/message.ts';
import { newTraceparent } from '#shared/observability/trace-context.ts';

/** A valid `order.created`. */
export function orderCreated({
  orderId = newId(),
  sequence = 1,
  items = [{ sku: 'SKU-001', quantity: 1, unitPriceMinor: 1_999 }],
}: {
  orderId?: string;
  sequence?: number;
  items?: OrderCreated['data']['items'];
} = {}): OrderCreated {
  return {
    specversion: '1.0',
    id: newId(),
    source: '/order-service',
    type: 'order.created.v1',
    subject: orderId,
    time: new Date().toISOString(),
    datacontenttype: 'application/json',
    sequence,
    correlationid: newId(),
    traceparent: newTraceparent(),
    data: {
      customerId: 'customer-1',
      currency: 'EUR',
      totalMinor: items.reduce((total, item) => total + item.quantity * item.unitPriceMinor, 0),
      items,
      payment: 'automatic',
    },
  };
}

/** A message for the exchange `orders` with any body, valid or not. */
export function outgoing(overrides: Partial<OutgoingMessage> = {}): OutgoingMessage {
  return {
    exchange: 'orders',
    routingKey: 'order.created',
    messageId: newId(),
    type: 'order.created.v1',
    correlationId: newId(),
    time: new Date(),
    body: Buffer.from('{}'),
    ...overrides,
  };
}
