import { type Check, type Finding, judge, type Terms } from '#shared/audit/check.ts';
import type { OrderEvidence } from '../ports/order-evidence.ts';
import { effectsHappenOnce } from './effects-happen-once.ts';
import { finalRepliesAreTaken } from './final-replies-are-taken.ts';
import { messagesTakeEffectInOrder } from './messages-take-effect-in-order.ts';
import { waitsForAnswer } from './order-standing.ts';
import { ordersEndOnce } from './orders-end-once.ts';
import { ordersExist } from './orders-exist.ts';
import { paymentsAreAccountedFor } from './payments-are-accounted-for.ts';

/** Everything that order_db alone can tell about an order. */
export const orderChecks: readonly Check<OrderEvidence>[] = [
  ordersExist,
  ordersEndOnce,
  paymentsAreAccountedFor,
  effectsHappenOnce,
  messagesTakeEffectInOrder,
  finalRepliesAreTaken,
];

/**
 * Holds orders to all that order_db alone can tell. However long a wish goes without its answer: its saga may wait for an
 * operator, and that the processor-service alone can tell.
 */
export function judgeOrders(orders: readonly OrderEvidence[], terms: Terms): readonly Finding[] {
  const unhurried = { ...terms, overdueMs: Number.POSITIVE_INFINITY };
  return orders.flatMap((evidence) => {
    const mayBeLeft = evidence.order !== null && waitsForAnswer(evidence.order);
    return judge(orderChecks, [evidence], mayBeLeft ? unhurried : terms);
  });
}
