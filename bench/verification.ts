import type { LoadResult } from './load/protocol.ts';
import { type PlannedOrder, planOrder, totalOf, type Workload } from './workload.ts';

/** What three independent witnesses know after the run: the load driver, the databases and broker, the provider. */
export interface Evidence {
  readonly accepted: ReadonlyMap<string, PlannedOrder>;
  /** What the driver was answered instead of an order. */
  readonly failures: readonly string[];
  readonly orders: readonly { readonly id: string; readonly status: string; readonly totalMinor: number }[];
  readonly stockBefore: readonly StockCount[];
  readonly stock: readonly StockCount[];
  readonly ledger: readonly LedgerLine[];
  /** Messages by the place where they should not be any more: outboxes, queues. */
  readonly leftovers: ReadonlyMap<string, number>;
}

export interface StockCount {
  readonly sku: string;
  readonly onHand: number;
  readonly reserved: number;
  readonly shipped: number;
}

export interface LedgerLine {
  readonly kind: string;
  readonly reference: string | null;
  readonly amountMinor: number;
}

/** The orders that the driver got an id for. */
export function acceptedOrders(
  loads: readonly LoadResult[],
  workload: Workload,
): ReadonlyMap<string, PlannedOrder> {
  return new Map(
    loads.flatMap(({ ids, indexes }) =>
      ids.map((id, position) => [id, planOrder(indexes[position] as number, workload)] as const),
    ),
  );
}

/** Everything that is not as it should be, one sentence each; empty when all is well. */
export function findDiscrepancies(evidence: Evidence): readonly string[] {
  return [
    ...judgeAnswers(evidence),
    ...judgeOrders(evidence),
    ...judgeStock(evidence),
    ...judgeLedger(evidence),
    ...[...evidence.leftovers]
      .filter(([, messages]) => messages !== 0)
      .map(([place, messages]) => `${messages} messages are left in ${place}`),
  ];
}

function judgeAnswers({ failures }: Evidence): string[] {
  return failures.length === 0
    ? []
    : [`${failures.length} requests failed, the first one with ${failures[0]}`];
}

function judgeOrders({ accepted, orders }: Evidence): string[] {
  const stored = new Map(orders.map((order) => [order.id, order]));
  const wrong = [...accepted].flatMap(([id, planned]) => {
    const order = stored.get(id);
    if (order === undefined) return `order ${id} was accepted and does not exist`;
    if (order.status !== 'completed') return `order ${id} is ${order.status}`;
    if (order.totalMinor !== totalOf(planned)) return `order ${id} has a total of ${order.totalMinor}`;
    return [];
  });
  const unknown = orders.filter(({ id }) => !accepted.has(id)).map(({ id }) => `nobody placed order ${id}`);
  return summarise('orders', [...wrong, ...unknown]);
}

function judgeStock({ accepted, stockBefore, stock }: Evidence): string[] {
  const ordered = new Map<string, number>();
  for (const { sku, quantity } of accepted.values()) ordered.set(sku, (ordered.get(sku) ?? 0) + quantity);
  const now = new Map(stock.map((count) => [count.sku, count]));
  const wrong = stockBefore.flatMap(({ sku, onHand, reserved, shipped }) => {
    const quantity = ordered.get(sku) ?? 0;
    const expected = { onHand: onHand - quantity, reserved, shipped: shipped + quantity };
    const found = now.get(sku);
    const agrees =
      found?.onHand === expected.onHand &&
      found.reserved === expected.reserved &&
      found.shipped === expected.shipped;
    return agrees ? [] : `${sku} should be ${JSON.stringify(expected)} and is ${JSON.stringify(found)}`;
  });
  return summarise('SKUs', wrong);
}

function judgeLedger({ accepted, ledger }: Evidence): string[] {
  const lines = Map.groupBy(ledger, ({ reference }) => reference ?? 'nothing');
  const wrong = [...accepted].flatMap(([id, planned]) => {
    const found = lines.get(id) ?? [];
    const [line] = found;
    if (found.length !== 1 || line?.kind !== 'captured') {
      return `order ${id} has ${found.map(({ kind }) => kind).join(', ') || 'no entry'} in the ledger`;
    }
    return line.amountMinor === totalOf(planned) ? [] : `${line.amountMinor} were captured for order ${id}`;
  });
  const unknown = [...lines.keys()].filter((id) => !accepted.has(id)).map((id) => `money moved for ${id}`);
  return summarise('payments', [...wrong, ...unknown]);
}

const examples = 5;

function summarise(what: string, wrong: readonly string[]): string[] {
  const more = wrong.length - examples;
  return more > 0 ? [...wrong.slice(0, examples), `and ${more} more ${what} are wrong`] : [...wrong];
}
