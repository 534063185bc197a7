import type { OrderInquiry, OrderInquiryAnswer } from '#shared/contracts/order-inquiries.ts';
import { refundedMinorOf } from '../domain/order.ts';
import type { OrderRepository } from './ports/order-repository.ts';

/** Tells others how orders stand, and which messages were taken account of. @throws AppError `DATABASE_UNAVAILABLE` */
export function createAnswerInquiries(dependencies: { orders: OrderRepository }) {
  const { orders } = dependencies;
  return async ({ orderIds, messageIds }: OrderInquiry): Promise<OrderInquiryAnswer> => {
    const [found, received] = await Promise.all([orders.findMany(orderIds), orders.received(messageIds)]);
    return {
      orders: found.map((order) => ({
        id: order.id,
        status: order.status,
        version: order.version,
        failure: order.failure,
        processingSequence: order.processingSequence,
        processingRun: order.processingRun,
        cancellation: order.cancellation?.status ?? null,
        refundedMinor: refundedMinorOf(order),
      })),
      received: [...received],
    };
  };
}
