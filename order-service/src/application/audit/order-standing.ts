import type { AuditedOrder } from '../ports/order-evidence.ts';

/** While an order is in one of these, it has been paid and is worth its money, less what was refunded. */
export const paidFor: readonly string[] = ['completed', 'fulfilled'];

/** Whether an order rests half-way because nobody has asked for its payment yet. */
export function waitsForCustomer({ status, payment, paymentRequested }: AuditedOrder): boolean {
  return status === 'reserved' && payment === 'manual' && !paymentRequested;
}

/** Whether the processor-service has yet to say what becomes of a wish to cancel or refund. */
export function waitsForAnswer({ cancellation, refunds }: AuditedOrder): boolean {
  return cancellation?.status === 'requested' || refunds.some(({ status }) => status === 'requested');
}

/** What went back to the customer, in minor units. */
export function refundedMinorOf({ refunds }: AuditedOrder): number {
  return refunds
    .filter(({ status }) => status === 'refunded')
    .reduce((sum, { amountMinor }) => sum + amountMinor, 0);
}
