import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { eventually } from '../support/eventually.ts';
import { createTestSystem, orderBody, orderClient, type TestSystem } from '../support/system.ts';

let system: TestSystem;

beforeAll(async () => {
  system = await createTestSystem();
});
afterAll(() => system.dispose());

test('an order that can be fulfilled and paid is completed, its stock shipped and its money captured once', async () => {
  const orders = orderClient(system.urls.order);
  const placed = await orders.place(orderBody({ sku: 'SKU-042', quantity: 3, amountMinor: 250 }));
  expect(placed).toMatchObject({ status: 'pending', totalMinor: 750, version: 1 });

  await eventually(async () => (await orders.get(placed.id)).status === 'completed');

  const stock = await fetch(`${system.urls.processor}/stock/SKU-042`);
  expect(await stock.json()).toMatchObject({ onHand: 999_997, reserved: 0, shipped: 3 });
  const ledger = await fetch(`${system.urls.sandbox}/ledger?reference=${placed.id}`);
  expect(await ledger.json()).toMatchObject({
    items: [{ kind: 'captured', amountMinor: 750, currency: 'EUR', reference: placed.id }],
  });
});
