import type { OrderInquiry, OrderInquiryAnswer } from '#shared/contracts/order-inquiries.ts';

/** What the order-service knows about orders, for those who only want to look. */
export interface OrderInquiries {
  /**
   * @param question at most `mostInquiries` ids of a kind
   * @returns `undefined` when nobody answered in time
   */
  ask(question: OrderInquiry): Promise<OrderInquiryAnswer | undefined>;
}
