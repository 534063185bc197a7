import type { Check } from '#shared/audit/check.ts';
import type { OrderEvidence } from '../ports/order-evidence.ts';
import { effectsHappenOnce } from './effects-happen-once.ts';
import { finalRepliesAreTaken } from './final-replies-are-taken.ts';
import { messagesTakeEffectInOrder } from './messages-take-effect-in-order.ts';
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
