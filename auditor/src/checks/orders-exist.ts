import { listOf } from '#processor-service/application/audit/saga-standing.ts';
import type { Check } from '#shared/audit/check.ts';
import type { OrderCase } from '../order-case.ts';

/** Whatever somebody has processed, paid or told had been accepted. */
export const ordersExist: Check<OrderCase> = {
  invariant: 'I1',
  compares: 'sagas, payments and dead letters with the orders they are about',
  *flaws({ inOrders: { order, lines }, inProcessor: { saga }, ledger, edits }) {
    if (!order) {
      if (saga) yield 'has a saga and does not exist';
      if (ledger && ledger.length > 0) yield 'has a payment and does not exist';
    } else if (saga && edits.length === 0) {
      const isSame = saga.totalMinor === order.totalMinor && listOf(saga.lines) === listOf(lines);
      if (!isSame) yield 'is processed as something else than was ordered';
    }
  },
};
