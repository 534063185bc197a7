import { isDeepStrictEqual } from 'node:util';
import type { OrderResource } from '#order-service/http/order-schemas.ts';
import type { PlacedOrder } from './customer.ts';
import type { Eventually } from './eventually.ts';
import type { Narrator } from './narrator.ts';
import type { Operator, Stock } from './operator.ts';
import type { Provider } from './provider.ts';
import { timelineTable } from './timeline.ts';

/** How an order and what it touched have to be in the end. */
export interface Expected {
  readonly order: PlacedOrder;
  readonly status: OrderResource['status'];
  /** The code of its failure; without one it must have none. */
  readonly failure?: string;
  /** What the provider's ledger says, as `captured 25.00`. */
  readonly ledger: readonly string[];
  /** Whether its timeline is shown, which it is unless there are others like it. */
  readonly isShown?: boolean;
}

/** @throws StoryFailed naming what was expected and what was found. */
export type Verify = (expected: {
  readonly orders: readonly Expected[];
  readonly sku: string;
  readonly stock: Stock;
}) => Promise<void>;

/** The last answers are there already, or on their way. */
const withinMs = 5_000;

export function createVerify(parts: {
  operator: Operator;
  provider: Provider;
  eventually: Eventually;
  narrator: Narrator;
}): Verify {
  const { operator, provider, eventually, narrator } = parts;

  const holds = (what: string, expected: unknown, look: () => Promise<unknown>) =>
    eventually({
      expected: `${what} to be ${JSON.stringify(expected)}`,
      look,
      is: (seen) => isDeepStrictEqual(seen, expected),
      found: JSON.stringify,
      withinMs,
    });

  async function orderHolds({ order, status, failure, ledger }: Expected): Promise<void> {
    const name = `${order.customer}'s order ${order.id}`;
    await holds(`the status and the failure of ${name}`, [status, failure ?? null], async () => {
      const now = await order.look();
      return [now.status, now.failure?.code ?? null];
    });
    await holds(`the provider's ledger for ${name}`, ledger, () => provider.movementsOf(order));
    await holds(`the dead letters of ${name}`, [], () => operator.deadLettersOf(order));
  }

  return async ({ orders, sku, stock }) => {
    for (const { order, isShown = true } of orders) {
      if (isShown)
        narrator.table(`${order.customer}'s order ${order.id}`, timelineTable(await order.timeline()));
    }
    for (const expected of orders) await orderHolds(expected);
    await holds(`the stock of ${sku}`, stock, async () => {
      const { onHand, reserved, shipped } = await operator.stockOf(sku);
      return { onHand, reserved, shipped };
    });
    narrator.verified([
      ...whoIsWhat(orders),
      `${sku}: ${stock.onHand} on hand, ${stock.reserved} reserved, ${stock.shipped} shipped`,
      `ledger: ${orders.flatMap(({ ledger }) => ledger).join(', ') || 'nothing moved'}`,
      'no dead letters',
    ]);
  };
}

/** `ada: completed` and `bob, carol: failed`. */
function whoIsWhat(orders: readonly Expected[]): string[] {
  return [...Map.groupBy(orders, ({ status }) => status)].map(
    ([status, alike]) => `${alike.map(({ order }) => order.customer).join(', ')}: ${status}`,
  );
}
