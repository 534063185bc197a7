import { type OrderCreated, parseOrderMessage } from '#shared/contracts/order-events.ts';
import { AppError } from '#shared/kernel/errors.ts';
import type { MessageHandler } from '#shared/messaging/consumer.ts';
import type { IncomingMessage } from '#shared/messaging/message.ts';
import type { ProcessOrder } from '../application/process-order.ts';
import type { ProcessingRequest } from '../application/take-saga-steps.ts';

/** Feeds `order.created` to the saga. */
export function createOrderCreatedHandler(dependencies: { processOrder: ProcessOrder }): MessageHandler {
  const { processOrder } = dependencies;
  return {
    handle: (message) => processOrder.process(toRequest(message, readOrderCreated(message))),

    async giveUp(message, error) {
      const created = readOrNothing(message);
      // A message that cannot be read names no order that somebody could be told about.
      if (!created) return 'park';
      return (await processOrder.giveUp(toRequest(message, created), error)) ? 'park' : 'done';
    },
  };
}

function toRequest(message: IncomingMessage, { subject, data, ...event }: OrderCreated): ProcessingRequest {
  const { customerId, currency, totalMinor, items } = data;
  return {
    order: {
      orderId: subject,
      customerId,
      currency,
      totalMinor,
      items: items.map(({ sku, quantity }) => ({ sku, quantity })),
    },
    messageId: event.id,
    correlationId: event.correlationid,
    traceparent: event.traceparent,
    run: message.replayCount,
  };
}

function readOrderCreated(message: IncomingMessage): OrderCreated {
  const event = parseOrderMessage(message.body);
  if (event.type !== 'order.created.v1') {
    throw new AppError({
      code: 'UNSUPPORTED_MESSAGE',
      kind: 'permanent',
      message: `${event.type} is ours to send, not to receive`,
    });
  }
  return event;
}

function readOrNothing(message: IncomingMessage): OrderCreated | undefined {
  try {
    return readOrderCreated(message);
  } catch (error) {
    if (error instanceof AppError && error.kind === 'permanent') return undefined;
    throw error;
  }
}
