import type { LedgerEntry } from '#payment-sandbox/contract.ts';
import type { Evidence, StoredOrder } from '../evidence.ts';
import { leftToOperator, waitsForCustomer } from './at-rest.ts';
import type { Flaws } from './finding.ts';

/** While an order is in one of these, it has been paid and is worth its money, less what was refunded. */
const paidFor: readonly string[] = ['completed', 'fulfilled'];

export function* moneyMatchesOrders(evidence: Evidence): Flaws {
  const { orders, history, ledger } = evidence;
  const left = leftToOperator(evidence);
  const entriesOf = Map.groupBy(ledger, ({ reference }) => reference);
  const runsOf = Map.groupBy(history, ({ orderId }) => orderId);
  for (const order of orders) {
    const { id, status, totalMinor, currency, paidMinor } = order;
    const entries = entriesOf.get(id) ?? [];
    const captures = entries.filter(({ kind }) => kind === 'captured');
    const runs = 1 + (runsOf.get(id) ?? []).filter(({ type }) => type === 'retried').length;
    if (captures.length > runs || new Set(captures.map(({ key }) => key)).size < captures.length)
      yield { subject: id, what: `was charged ${captures.length} times in ${runs} runs` };
    if (entries.some((entry) => entry.currency !== currency))
      yield { subject: id, what: 'was charged in another currency' };
    let held = 0;
    for (const { kind, amountMinor } of entries) {
      held += kind === 'captured' ? amountMinor : kind === 'refunded' ? -amountMinor : 0;
      if (held > totalMinor) yield { subject: id, what: `cost ${held} at one time instead of ${totalMinor}` };
    }
    yield* refundsMatchLedger(order, entries);
    const due = dueOf(order);
    const mayBeHeld = left.has(id) && (held === 0 || held === totalMinor);
    if (held !== due && !mayBeHeld)
      yield { subject: id, what: `is ${status} and cost ${held} instead of ${due}` };
    const paid = paidFor.includes(status) || status === 'refunded' ? totalMinor : 0;
    if (paidMinor !== paid) yield { subject: id, what: `is ${status} and says that it cost ${paidMinor}` };
  }
  const known = new Set(orders.map(({ id }) => id));
  for (const { reference, kind } of ledger)
    if (reference !== null && !known.has(reference))
      yield { subject: reference, what: `has money ${kind} and is no order` };
}

function dueOf({ status, totalMinor, refunds }: StoredOrder): number {
  if (!paidFor.includes(status)) return 0;
  return refunds
    .filter((refund) => refund.status === 'refunded')
    .reduce((due, { amountMinor }) => due - amountMinor, totalMinor);
}

/** Each refund moved its own money, once, or none. */
function* refundsMatchLedger(
  { id, status, totalMinor, refunds }: StoredOrder,
  entries: readonly LedgerEntry[],
): Flaws {
  const sum = (amounts: readonly number[]): number => amounts.reduce((total, amount) => total + amount, 0);
  const given = sum(
    refunds.filter((refund) => refund.status === 'refunded').map(({ amountMinor }) => amountMinor),
  );
  if (status === 'refunded' ? given !== totalMinor : given > 0 && given >= totalMinor)
    yield { subject: id, what: `is ${status} and got ${given} of ${totalMinor} back` };
  for (const refund of refunds) {
    const moved = entries.filter(({ refundKey }) => refundKey === `${id}:refund:${refund.id}`);
    const amount = sum(moved.map(({ amountMinor }) => amountMinor));
    // Of one that was never answered nobody knows.
    const isRight =
      refund.status === 'requested' || amount === (refund.status === 'refunded' ? refund.amountMinor : 0);
    if (!isRight) yield { subject: id, what: `has a refund that is ${refund.status} and moved ${amount}` };
  }
}

const reservationOf: Readonly<Record<string, string>> = {
  reserved: 'open',
  completed: 'shipped',
  fulfilled: 'shipped',
  failed: 'released',
  cancelled: 'released',
  refunded: 'returned',
};

export function* stockIsConserved(evidence: Evidence): Flaws {
  const { openingStock, stock, reservations, orders, orderLines } = evidence;
  const left = leftToOperator(evidence);
  const sum = (sku: string, state: string): number =>
    reservations
      .filter((line) => line.sku === sku && line.state === state)
      .reduce((total, { quantity }) => total + quantity, 0);
  for (const { sku, onHand, reserved, shipped } of stock) {
    if (Math.min(onHand, reserved, shipped) < 0) yield { subject: sku, what: 'has a negative count' };
    const opening = openingStock.get(sku) ?? 0;
    if (onHand + reserved + shipped !== opening)
      yield { subject: sku, what: `had ${opening} and has ${onHand} + ${reserved} + ${shipped}` };
    if (reserved !== sum(sku, 'open')) yield { subject: sku, what: 'is reserved for nobody' };
    if (shipped !== sum(sku, 'shipped')) yield { subject: sku, what: 'was shipped to nobody' };
  }
  const linesOf = Map.groupBy(orderLines, ({ orderId }) => orderId);
  const reservedFor = Map.groupBy(reservations, ({ orderId }) => orderId);
  const list = (lines: readonly { sku: string; quantity: number }[]): string =>
    lines
      .map(({ sku, quantity }) => `${quantity} ${sku}`)
      .sort()
      .join(', ');
  for (const order of orders) {
    const { id, status } = order;
    const held = reservedFor.get(id) ?? [];
    // While an operator is waited for, nothing is given away.
    const right = left.has(id) && !paidFor.includes(status) ? 'open' : reservationOf[status];
    if (held.some(({ state }) => state !== right))
      yield { subject: id, what: `is ${status} and has stock ${held.map(({ state }) => state).join(', ')}` };
    const holds = status === 'refunded' || paidFor.includes(status) || waitsForCustomer(order);
    if ((holds || held.length > 0) && list(held) !== list(linesOf.get(id) ?? []))
      yield { subject: id, what: `got ${list(held)} instead of ${list(linesOf.get(id) ?? [])}` };
  }
}
