import type { Check } from '#shared/audit/check.ts';
import type { OrderEvidence } from '../ports/order-evidence.ts';
import { paidFor, refundedMinorOf } from './order-standing.ts';

/** What an order says about its own money. What the provider says only the provider can tell. */
export const paymentsAreAccountedFor: Check<OrderEvidence> = {
  invariant: 'I4',
  compares: 'what each order says was paid and refunded with its status and its total',
  *flaws({ order }) {
    if (!order) return;
    const { status, totalMinor, paidMinor } = order;
    const paid = paidFor.includes(status) || status === 'paid' || status === 'refunded' ? totalMinor : 0;
    if (paidMinor !== paid) yield `is ${status} and says that it cost ${paidMinor}`;
    const given = refundedMinorOf(order);
    if (status === 'refunded' ? given !== totalMinor : given > 0 && given >= totalMinor)
      yield `is ${status} and got ${given} of ${totalMinor} back`;
  },
};
