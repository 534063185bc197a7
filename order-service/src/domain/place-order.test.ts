import { describe, expect, test } from '@jest/globals';
import { begin } from './order-events.ts';
import { type NewOrder, placeOrder } from './place-order.ts';

const at = new Date('2026-01-02T03:04:05.678Z');

function newOrder(changes: Partial<NewOrder> = {}): NewOrder {
  return {
    id: '01a1fbf4-b78c-76fb-8985-bfb8b76312a0',
    customerId: 'c-1',
    currency: 'EUR',
    items: [
      { sku: 'A', quantity: 2, unitPriceMinor: 150, currency: 'EUR' },
      { sku: 'B', quantity: 1, unitPriceMinor: 99, currency: 'EUR' },
    ],
    description: null,
    metadata: {},
    payment: 'automatic',
    ...changes,
  };
}

function violationsOf(order: NewOrder) {
  const placement = placeOrder(order);
  return placement.accepted ? [] : placement.violations;
}

describe('placing an order', () => {
  test('totals quantity times unit price over all items', () => {
    const placement = placeOrder(newOrder());
    expect(placement).toMatchObject({ accepted: true, event: { type: 'placed', data: { totalMinor: 399 } } });
  });

  test('begins a pending order with a history of one event', () => {
    const placement = placeOrder(newOrder());
    if (!placement.accepted) throw new Error('refused');
    expect(begin(placement.event, at)).toMatchObject({
      status: 'pending',
      version: 1,
      totalMinor: 399,
      failure: null,
      createdAt: at,
      items: [
        { sku: 'A', quantity: 2, unitPriceMinor: 150 },
        { sku: 'B', quantity: 1, unitPriceMinor: 99 },
      ],
    });
  });

  test('names every item in another currency', () => {
    const items = ['EUR', 'USD', 'CHF'].map((currency) => ({
      sku: 'A',
      quantity: 1,
      unitPriceMinor: 1,
      currency,
    }));
    expect(violationsOf(newOrder({ items })).map(({ field }) => field)).toEqual([
      'items.1.unitPrice.currency',
      'items.2.unitPrice.currency',
    ]);
  });

  test('refuses an order that costs nothing', () => {
    const items = [{ sku: 'A', quantity: 3, unitPriceMinor: 0, currency: 'EUR' }];
    expect(violationsOf(newOrder({ items }))).toEqual([
      { field: 'items', message: 'the total must be greater than zero' },
    ]);
  });

  test('refuses a total that cannot be counted exactly', () => {
    const items = [{ sku: 'A', quantity: 1_000_000, unitPriceMinor: 1_000_000_000_000, currency: 'EUR' }];
    expect(violationsOf(newOrder({ items }))).toEqual([
      { field: 'items', message: 'the total is too large' },
    ]);
  });
});
