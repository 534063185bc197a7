import { describe, expect, it } from '@jest/globals';
import { type Evidence, findDiscrepancies } from './verification.ts';
import { type PlannedOrder, planOrder, totalOf } from './workload.ts';

const planned: readonly [string, PlannedOrder][] = Array.from({ length: 200 }, (_, index) => [
  `order-${index}`,
  planOrder(index, { hotSku: false }),
]);

function soundEvidence(): Evidence {
  const skus = [...new Set(planned.map(([, { sku }]) => sku))];
  const shippedOf = (sku: string): number =>
    planned.reduce((sum, [, order]) => sum + (order.sku === sku ? order.quantity : 0), 0);
  return {
    accepted: new Map(planned),
    failures: [],
    orders: planned.map(([id, order]) => ({ id, status: 'completed', totalMinor: totalOf(order) })),
    stockBefore: skus.map((sku) => ({ sku, onHand: 1_000, reserved: 0, shipped: 0 })),
    stock: skus.map((sku) => ({
      sku,
      onHand: 1_000 - shippedOf(sku),
      reserved: 0,
      shipped: shippedOf(sku),
    })),
    ledger: planned.map(([id, order]) => ({
      kind: 'captured',
      reference: id,
      amountMinor: totalOf(order),
    })),
    leftovers: new Map([['the outbox of order_db', 0]]),
  };
}

/** The first of a list, changed. */
const changeFirst = <Item>(items: readonly Item[], change: Partial<Item>): Item[] =>
  items.map((item, index) => (index === 0 ? { ...item, ...change } : item));

const sound = soundEvidence();
const [, ...allButFirstOrder] = sound.orders;
const [firstLine, ...allButFirstLine] = sound.ledger;

describe('the verification of a bench run', () => {
  it('finds nothing where everything is right', () => {
    expect(findDiscrepancies(sound)).toEqual([]);
  });

  it.each<[string, Partial<Evidence>]>([
    ['a request that failed', { failures: ['503: no database'] }],
    ['an accepted order that does not exist', { orders: allButFirstOrder }],
    ['an order that is not completed', { orders: changeFirst(sound.orders, { status: 'paid' }) }],
    ['an order with another total', { orders: changeFirst(sound.orders, { totalMinor: 1 }) }],
    [
      'an order that nobody placed',
      { orders: [...sound.orders, { id: 'order-x', status: 'completed', totalMinor: 1 }] },
    ],
    ['stock that left twice', { stock: changeFirst(sound.stock, { onHand: 0 }) }],
    ['stock that is still reserved', { stock: changeFirst(sound.stock, { reserved: 1 }) }],
    ['stock that was not shipped', { stock: changeFirst(sound.stock, { shipped: 0 }) }],
    ['a SKU that is gone', { stock: sound.stock.slice(1) }],
    ['an order that was not paid', { ledger: allButFirstLine }],
    ['an order that was paid twice', { ledger: [...sound.ledger, ...(firstLine ? [firstLine] : [])] }],
    ['a payment of another amount', { ledger: changeFirst(sound.ledger, { amountMinor: 1 }) }],
    ['a payment that was declined', { ledger: changeFirst(sound.ledger, { kind: 'declined' }) }],
    [
      'a payment for nothing',
      { ledger: [...sound.ledger, { kind: 'captured', reference: null, amountMinor: 1 }] },
    ],
    ['messages that are left', { leftovers: new Map([['queue q', 2]]) }],
    ['a place that could not be counted', { leftovers: new Map([['queue q', Number.NaN]]) }],
  ])('finds %s', (_what, flaw) => {
    expect(findDiscrepancies({ ...sound, ...flaw })).toHaveLength(1);
  });

  it('names a few of many and counts the rest', () => {
    expect(findDiscrepancies({ ...sound, orders: [] })).toEqual([
      ...[0, 1, 2, 3, 4].map((index) => `order order-${index} was accepted and does not exist`),
      'and 195 more orders are wrong',
    ]);
  });
});
