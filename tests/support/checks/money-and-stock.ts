import type { Evidence } from '../evidence.ts';
import type { Flaws } from './finding.ts';

export function* moneyMatchesOrders({ orders, history, ledger }: Evidence): Flaws {
  const entriesOf = Map.groupBy(ledger, ({ reference }) => reference);
  const runsOf = Map.groupBy(history, ({ orderId }) => orderId);
  for (const { id, status, totalMinor, currency } of orders) {
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
    const due = status === 'completed' ? totalMinor : 0;
    if (held !== due) yield { subject: id, what: `is ${status} and cost ${held} instead of ${due}` };
  }
  const known = new Set(orders.map(({ id }) => id));
  for (const { reference, kind } of ledger)
    if (reference !== null && !known.has(reference))
      yield { subject: reference, what: `has money ${kind} and is no order` };
}

const reservationOf: Readonly<Record<string, string>> = { completed: 'shipped', failed: 'released' };

export function* stockIsConserved({
  openingStock,
  stock,
  reservations,
  orders,
  orderLines,
}: Evidence): Flaws {
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
  for (const { id, status } of orders) {
    const held = reservedFor.get(id) ?? [];
    if (held.some(({ state }) => state !== reservationOf[status]))
      yield { subject: id, what: `is ${status} and has stock ${held.map(({ state }) => state).join(', ')}` };
    if ((status === 'completed' || held.length > 0) && list(held) !== list(linesOf.get(id) ?? []))
      yield { subject: id, what: `got ${list(held)} instead of ${list(linesOf.get(id) ?? [])}` };
  }
}
