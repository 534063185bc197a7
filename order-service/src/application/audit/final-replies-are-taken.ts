import type { Check } from '#shared/audit/check.ts';
import type { OrderEvidence } from '../ports/order-evidence.ts';

/** The reply with which an order ends in a status. */
const finalReplyOf: Readonly<Record<string, string>> = {
  completed: 'order.processed.v1',
  fulfilled: 'order.processed.v1',
  failed: 'order.processed.v1',
  cancelled: 'order.cancelled.v1',
  refunded: 'order.refunded.v1',
};

export const finalRepliesAreTaken: Check<OrderEvidence> = {
  invariant: 'I12',
  compares: 'each order that has ended with the reply that ended it',
  *flaws({ order, inbox }) {
    const due = finalReplyOf[order?.status ?? ''];
    const applied = inbox.filter(({ outcome }) => outcome === 'applied').map(({ type }) => type);
    if (due && !applied.includes(due)) yield `is ${order?.status} and got no ${due}`;
  },
};
