import { describe, expect, test } from '@jest/globals';
import { stockLinesOf } from './order-to-process.ts';
import { move, type Stock, whyNotReservable } from './stock.ts';
import { someOrder } from './testing/sagas.ts';

describe('stock', () => {
  const stockOf = (...counts: readonly Stock[]) => new Map(counts.map((count) => [count.sku, count]));
  const held = (sku: string, onHand: number): Stock => ({ sku, onHand, reserved: 0, shipped: 0 });

  test('is taken in one line per SKU, in the order of the SKUs', () => {
    expect(stockLinesOf(someOrder)).toEqual([
      { sku: 'A', quantity: 2 },
      { sku: 'B', quantity: 4 },
    ]);
  });

  test('is refused with the SKU that is not known or does not suffice', () => {
    const lines = stockLinesOf(someOrder);
    expect(whyNotReservable(stockOf(held('A', 2)), lines)).toMatchObject({ code: 'UNKNOWN_SKU' });
    expect(whyNotReservable(stockOf(held('A', 2), held('B', 3)), lines)).toMatchObject({
      code: 'OUT_OF_STOCK',
    });
    expect(whyNotReservable(stockOf(held('A', 2), held('B', 4)), lines)).toBeUndefined();
  });

  test('comes back on hand when it is released, and when it is restocked', () => {
    const lines = [{ sku: 'A', quantity: 2 }];
    const after = (movements: readonly Parameters<typeof move>[2][]) =>
      movements.reduce((stock, movement) => stockOf(...move(stock, lines, movement)), stockOf(held('A', 5)));
    expect(after(['reserve']).get('A')).toEqual({ sku: 'A', onHand: 3, reserved: 2, shipped: 0 });
    expect(after(['reserve', 'ship']).get('A')).toEqual({ sku: 'A', onHand: 3, reserved: 0, shipped: 2 });
    expect(after(['reserve', 'release']).get('A')).toEqual(held('A', 5));
    expect(after(['reserve', 'ship', 'restock']).get('A')).toEqual(held('A', 5));
  });

  test('is never moved below zero', () => {
    const one = stockOf(held('A', 1));
    expect(() => move(one, [{ sku: 'A', quantity: 2 }], 'reserve')).toThrow('cannot reserve');
    for (const movement of ['ship', 'release', 'restock'] as const) {
      expect(() => move(one, [{ sku: 'A', quantity: 1 }], movement)).toThrow(`cannot ${movement}`);
    }
  });
});
