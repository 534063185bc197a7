import { type OrderMessageOf, parseOrderMessage } from '#shared/contracts/order-events.ts';
import { AppError } from '#shared/kernel/errors.ts';
import type { IncomingMessage } from '#shared/messaging/message.ts';
import type { MessageHandler } from '#shared/messaging/message-handler.ts';
import type { ProcessOrder } from '../application/process-order.ts';
import { toProcessingRequest, unsupported } from './processing-requests.ts';

type DrivingMessage = OrderMessageOf<'order.created.v1' | 'order.payment_requested.v1'>;

/** Feeds the saga what begins it or drives it on: `order.created` and `order.payment_requested`. */
export function createOrderCreatedHandler(dependencies: { processOrder: ProcessOrder }): MessageHandler {
  const { processOrder } = dependencies;
  const requestOf = (message: IncomingMessage, event: DrivingMessage) =>
    toProcessingRequest(event, message, {
      replays: message.replayCount,
      paymentRequested: event.type === 'order.payment_requested.v1',
    });
  return {
    handle: (message) => processOrder.process(requestOf(message, read(message))),

    async giveUp(message, error) {
      const event = readOrNothing(message);
      // A message that cannot be read names no order that somebody could be told about.
      if (!event) return 'park';
      return (await processOrder.giveUp(requestOf(message, event), error)) ? 'park' : 'done';
    },
  };
}

function read(message: IncomingMessage): DrivingMessage {
  const event = parseOrderMessage(message.body);
  if (event.type !== 'order.created.v1' && event.type !== 'order.payment_requested.v1') {
    throw unsupported(event.type);
  }
  return event;
}

function readOrNothing(message: IncomingMessage): DrivingMessage | undefined {
  try {
    return read(message);
  } catch (error) {
    if (error instanceof AppError && error.kind === 'permanent') return undefined;
    throw error;
  }
}
