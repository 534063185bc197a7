import { parseOrderMessage } from '#shared/contracts/order-events.ts';
import { createBatcher } from '#shared/kernel/batcher.ts';
import { AppError } from '#shared/kernel/errors.ts';
import type { MessageHandler } from '#shared/messaging/message-handler.ts';
import { inSpan } from '#shared/observability/tracing.ts';
import { learn } from '#shared/observability/work-at-hand.ts';
import type { FollowResult, ProcessingMessage } from '../application/follow-processing.ts';
import type { OperatorActed } from '../application/record-operator-action.ts';

/** How many messages one transaction may carry. */
export const processingBatchSize = 100;

/**
 * Feeds what the processor announces to the application, in sets and in the order of arrival. What operators did stands
 * outside that order.
 */
export function createProcessingMessageHandler(dependencies: {
  followProcessing: (messages: readonly ProcessingMessage[]) => Promise<readonly FollowResult[]>;
  recordOperatorAction: (message: OperatorActed) => Promise<void>;
}): MessageHandler {
  const { followProcessing, recordOperatorAction } = dependencies;
  const batcher = createBatcher<ProcessingMessage, FollowResult>({
    run: followProcessing,
    maxSize: processingBatchSize,
    isolates: (error) => !(error instanceof AppError && error.kind === 'unavailable'),
  });

  /** Alone in its span, whoever else is in its set. */
  function follow(message: ProcessingMessage, parent: string) {
    const attributes = { 'oms.order.id': message.subject, 'oms.message.type': message.type };
    return inSpan('order follow processing', { parent, attributes }, async ({ traceparent = parent }) => {
      const result = await batcher.add({ ...message, traceparent });
      if (result instanceof AppError) throw result;
      return result;
    });
  }

  return {
    async handle({ body, traceparent }) {
      const message = parseOrderMessage(body);
      learn({ orderId: message.subject });
      switch (message.type) {
        case 'order.operator_acted.v1':
          await recordOperatorAction(message);
          return undefined;
        case 'order.created.v1':
        case 'order.payment_requested.v1':
        case 'order.cancel_requested.v1':
        case 'order.refund_requested.v1':
          throw ours(message.type);
        case 'order.reserved.v1':
        case 'order.paid.v1':
        case 'order.processed.v1':
        case 'order.cancelled.v1':
        case 'order.cancel_rejected.v1':
        case 'order.refunded.v1':
        case 'order.refund_rejected.v1':
          return follow(message, traceparent ?? message.traceparent);
        default:
          return message satisfies never;
      }
    },
  };
}

function ours(type: string): AppError {
  return new AppError({
    code: 'UNSUPPORTED_MESSAGE',
    kind: 'permanent',
    message: `${type} is ours to send, not to receive`,
  });
}
