import { paidFor, refundedMinorOf } from '#order-service/application/audit/order-standing.ts';
import type { AuditedOrder } from '#order-service/application/ports/order-evidence.ts';
import type { LedgerEntry } from '#payment-sandbox/contract.ts';
import { waitsForOperator } from '#processor-service/application/audit/saga-standing.ts';
import type { Check } from '#shared/audit/check.ts';
import { isAtRest, type OrderCase } from '../order-case.ts';

export const moneyMatchesLedger: Check<OrderCase> = {
  invariant: 'I4',
  compares: "the provider's ledger with the orders it names",
  *flaws(theCase) {
    const { inOrders, inProcessor, ledger } = theCase;
    const { order, history } = inOrders;
    if (!ledger) return;
    if (!order) {
      if (heldBy(ledger) !== 0) yield `cost ${heldBy(ledger)} and is no order`;
      return;
    }
    const { totalMinor, currency } = order;
    const captures = ledger.filter(({ kind }) => kind === 'captured');
    const runs =
      1 + Math.max(inProcessor.saga?.run ?? 0, history.filter(({ type }) => type === 'retried').length);
    if (captures.length > runs || new Set(captures.map(({ key }) => key)).size < captures.length)
      yield `was charged ${captures.length} times in ${runs} runs`;
    if (ledger.some((entry) => entry.currency !== currency)) yield 'was charged in another currency';
    let held = 0;
    for (const { kind, amountMinor } of ledger) {
      held += kind === 'captured' ? amountMinor : kind === 'refunded' ? -amountMinor : 0;
      if (held > totalMinor) yield `cost ${held} at one time instead of ${totalMinor}`;
    }
    if (!isAtRest(theCase)) return;
    yield* refundsMatch(theCase.id, order, ledger);
    const due = paidFor.includes(order.status) ? totalMinor - refundedMinorOf(order) : 0;
    // Until an operator has decided, the provider may have given the money back or not.
    const isOpen = inProcessor.saga !== null && waitsForOperator(inProcessor.saga);
    if (held !== due && !(isOpen && (held === 0 || held === totalMinor)))
      yield `is ${order.status} and cost ${held} instead of ${due}`;
  },
};

/** What the merchant has of it, in minor units. */
function heldBy(ledger: readonly LedgerEntry[]): number {
  const signs: Readonly<Record<string, number>> = { captured: 1, refunded: -1 };
  return ledger.reduce((sum, { kind, amountMinor }) => sum + (signs[kind] ?? 0) * amountMinor, 0);
}

/** Each refund moved its own money, once, or none. */
function* refundsMatch(id: string, { refunds }: AuditedOrder, ledger: readonly LedgerEntry[]) {
  for (const refund of refunds) {
    if (refund.status === 'requested') continue;
    const moved = ledger
      .filter(({ refundKey }) => refundKey === `${id}:refund:${refund.id}`)
      .reduce((sum, { amountMinor }) => sum + amountMinor, 0);
    if (moved !== (refund.status === 'refunded' ? refund.amountMinor : 0))
      yield `has a refund that is ${refund.status} and moved ${moved}`;
  }
}
