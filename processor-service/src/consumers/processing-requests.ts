import type { OrderMessageOf } from '#shared/contracts/order-events.ts';
import { AppError } from '#shared/kernel/errors.ts';
import type { IncomingMessage } from '#shared/messaging/message.ts';
import { learn } from '#shared/observability/work-at-hand.ts';
import type { ProcessingRequest } from '../application/take-saga-steps.ts';

/** The messages that carry the whole order, and may therefore begin its saga. */
type BeginningMessage = OrderMessageOf<
  'order.created.v1' | 'order.payment_requested.v1' | 'order.cancel_requested.v1'
>;

/** @param message that brought the event, and is being worked on */
export function toProcessingRequest(
  { subject, data, ...event }: BeginningMessage,
  message: IncomingMessage,
  more: Pick<ProcessingRequest, 'replays' | 'paymentRequested'>,
): ProcessingRequest {
  const { customerId, currency, totalMinor, items, payment } = data;
  learn({ orderId: subject });
  return {
    order: {
      orderId: subject,
      customerId,
      currency,
      totalMinor,
      payment,
      items: items.map(({ sku, quantity }) => ({ sku, quantity })),
    },
    messageId: event.id,
    correlationId: event.correlationid,
    traceparent: message.traceparent ?? event.traceparent,
    sentAt: message.sentAt,
    ...more,
  };
}

/** A message that some other queue is for. */
export function unsupported(type: string): AppError {
  return new AppError({
    code: 'UNSUPPORTED_MESSAGE',
    kind: 'permanent',
    message: `${type} is nothing this queue is for`,
  });
}
