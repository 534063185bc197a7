import { type OrderMessage, parseOrderMessage } from '#shared/contracts/order-events.ts';
import { createBatcher } from '#shared/kernel/batcher.ts';
import { AppError } from '#shared/kernel/errors.ts';
import type { MessageHandler } from '#shared/messaging/consumer.ts';
import type { FollowResult, ProcessingMessage } from '../application/follow-processing.ts';

/** How many messages one transaction may carry. */
export const processingBatchSize = 100;

/** Feeds what the processor announces to the application, in sets and in the order of arrival. */
export function createProcessingMessageHandler(dependencies: {
  followProcessing: (messages: readonly ProcessingMessage[]) => Promise<readonly FollowResult[]>;
}): MessageHandler {
  const batcher = createBatcher<ProcessingMessage, FollowResult>({
    run: dependencies.followProcessing,
    maxSize: processingBatchSize,
    isolates: (error) => !(error instanceof AppError && error.kind === 'unavailable'),
  });
  return {
    async handle({ body }) {
      const message = parseOrderMessage(body);
      if (!isProcessingMessage(message)) {
        throw new AppError({
          code: 'UNSUPPORTED_MESSAGE',
          kind: 'permanent',
          message: `${message.type} is nothing this service follows`,
        });
      }
      const error = await batcher.add(message);
      if (error) throw error;
    },
  };
}

function isProcessingMessage(message: OrderMessage): message is ProcessingMessage {
  return ['order.reserved.v1', 'order.paid.v1', 'order.processed.v1'].includes(message.type);
}
