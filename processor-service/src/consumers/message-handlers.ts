import { queues } from '#shared/contracts/topology.ts';
import type { CancelOrder } from '../application/cancel-order.ts';
import type { ProcessOrder } from '../application/process-order.ts';
import type { RefundOrder } from '../application/refund-order.ts';
import { createOrderCreatedHandler } from './order-created.ts';
import { createOrderRequestsHandler } from './order-requests.ts';

/** What this service does with messages, by the queue they come from. */
export function createMessageHandlers(useCases: {
  processOrder: ProcessOrder;
  cancelOrder: CancelOrder;
  refundOrder: RefundOrder;
}) {
  return {
    [queues.orderCreated]: createOrderCreatedHandler(useCases),
    [queues.orderRequests]: createOrderRequestsHandler(useCases),
  };
}
