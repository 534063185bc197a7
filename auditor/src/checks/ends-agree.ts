import { tells } from '#processor-service/application/audit/replies.ts';
import { hasEnded } from '#processor-service/application/audit/saga-standing.ts';
import type { Check } from '#shared/audit/check.ts';
import { isAtRest, type OrderCase } from '../order-case.ts';

export const endsAgree: Check<OrderCase> = {
  invariant: 'I12',
  compares: 'the end of each saga with the end of its order',
  *flaws(theCase) {
    const { order } = theCase.inOrders;
    const { saga } = theCase.inProcessor;
    if (!order || !saga || !isAtRest(theCase) || !hasEnded(saga)) return;
    const end = order.status === 'fulfilled' ? 'completed' : order.status;
    if (!tells({ end: saga.state, failure: saga.failure }, { end, failure: order.failure }))
      yield `is ${order.status} and was told that it is ${saga.state}`;
  },
};
