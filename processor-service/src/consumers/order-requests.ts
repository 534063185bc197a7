import { parseOrderMessage } from '#shared/contracts/order-events.ts';
import type { MessageHandler } from '#shared/messaging/message-handler.ts';
import { learn } from '#shared/observability/work-at-hand.ts';
import type { CancelOrder } from '../application/cancel-order.ts';
import type { RefundOrder } from '../application/refund-order.ts';
import { toProcessingRequest, unsupported } from './processing-requests.ts';

/**
 * Feeds the saga what customers want of orders under way or done: `order.cancel_requested` and
 * `order.refund_requested`. There is nothing to undo for a wish that could not be noted.
 */
export function createOrderRequestsHandler(dependencies: {
  cancelOrder: CancelOrder;
  refundOrder: RefundOrder;
}): MessageHandler {
  const { cancelOrder, refundOrder } = dependencies;
  return {
    async handle(message) {
      const event = parseOrderMessage(message.body);
      if (event.type === 'order.cancel_requested.v1') {
        // However often it was replayed: a cancellation starts no run.
        return cancelOrder(toProcessingRequest(event, message, { replays: 0, paymentRequested: false }));
      }
      if (event.type === 'order.refund_requested.v1') {
        const { refundId: id, ...refund } = event.data;
        const { subject: orderId, correlationid: correlationId } = event;
        const { traceparent = event.traceparent } = message;
        learn({ orderId });
        return refundOrder.request({ id, ...refund, orderId, correlationId, traceparent });
      }
      throw unsupported(event.type);
    },
  };
}
