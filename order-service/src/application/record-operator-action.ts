import type { OrderMessageOf } from '#shared/contracts/order-events.ts';
import { traceIdOf } from '#shared/observability/trace-context.ts';
import type { OrderRepository } from './ports/order-repository.ts';

export type OperatorActed = OrderMessageOf<'order.operator_acted.v1'>;

/** Keeps what an operator did about an order, for its timeline. @throws AppError `DATABASE_UNAVAILABLE` */
export function createRecordOperatorAction(dependencies: { orders: OrderRepository }) {
  const { orders } = dependencies;
  return (message: OperatorActed): Promise<void> => {
    const { action, operator, ...did } = message.data;
    const { id: messageId, subject: orderId, time, traceparent } = message;
    const detail = { ...did, traceId: traceIdOf(traceparent) };
    return orders.recordAction({ messageId, orderId, action, operator, detail, at: new Date(time) });
  };
}
