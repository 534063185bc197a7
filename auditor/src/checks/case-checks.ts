import { orderChecks } from '#order-service/application/audit/order-checks.ts';
import { sagaChecks } from '#processor-service/application/audit/saga-checks.ts';
import { waitsForOperator } from '#processor-service/application/audit/saga-standing.ts';
import { type Check, type Finding, judge, type Terms } from '#shared/audit/check.ts';
import type { OrderCase } from '../order-case.ts';
import { endsAgree } from './ends-agree.ts';
import { moneyMatchesLedger } from './money-matches-ledger.ts';
import { ordersExist } from './orders-exist.ts';
import { processedOrDead } from './processed-or-dead.ts';

/** What only several witnesses together can tell about an order. */
export const crossChecks: readonly Check<OrderCase>[] = [
  ordersExist,
  moneyMatchesLedger,
  processedOrDead,
  endsAgree,
];

/** Holds orders to everything: to what each service tells about itself, and to what they tell about each other. */
export function judgeCases(cases: readonly OrderCase[], terms: Terms): readonly Finding[] {
  return cases.flatMap((theCase) => {
    const { inOrders, inProcessor } = theCase;
    // Nobody but an operator can move such an order on, and the saga says so.
    const isLeft = inProcessor.saga !== null && waitsForOperator(inProcessor.saga);
    const own = isLeft ? { ...terms, overdueMs: Number.POSITIVE_INFINITY } : terms;
    return [
      ...judge(orderChecks, [inOrders], own),
      ...judge(sagaChecks, [inProcessor], own),
      ...judge(crossChecks, [theCase], own),
    ];
  });
}
