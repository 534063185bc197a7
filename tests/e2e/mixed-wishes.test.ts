import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { customerOf, netOf } from '../support/customer.ts';
import { eventually } from '../support/eventually.ts';
import { magicAmounts } from '../support/load.ts';
import { sandboxClient } from '../support/sandbox.ts';
import { createTestSystem, type TestSystem } from '../support/system.ts';

let system: TestSystem;
let customer: ReturnType<typeof customerOf>;
let sandbox: ReturnType<typeof sandboxClient>;

beforeAll(async () => {
  system = await createTestSystem({
    settings: { WATCHDOG_INTERVAL_MS: '200', COMPENSATION_RETRY_MS: '100' },
  });
  customer = customerOf(system.urls.order);
  sandbox = sandboxClient(system.urls.sandbox);
});
afterAll(() => system?.dispose());

const sku = 'SKU-070';
const orderCount = 20;
/** Together with the placing, a hundred and more wishes; each of them is asked for at the same moment as the others. */
const wishes = ['cancel', 'pay', 'refund', 'part', 'cancel', 'pay', 'refund', 'fulfil'] as const;

async function wish(id: string, what: (typeof wishes)[number]): Promise<number> {
  switch (what) {
    case 'cancel':
      return (await customer.cancel(id)).status;
    case 'pay':
      return (await customer.pay(id)).status;
    case 'refund':
      return (await customer.refund(id)).status;
    case 'part':
      return (await customer.refund(id, { amountMinor: 30, refundId: randomUUID() })).status;
    case 'fulfil':
      return (await customer.fulfil(id)).status;
  }
}

test('a hundred and more wishes about the same orders end in legal states with stock and money right', async () => {
  const ids = await Promise.all(
    Array.from({ length: orderCount }, (_, index) =>
      customer.place(
        { sku, amountMinor: index % 5 === 4 ? magicAmounts.failsAfterCharging : 100 },
        index % 2 === 0 ? 'automatic' : 'manual',
      ),
    ),
  );
  const statuses = await Promise.all(
    ids.flatMap((id, index) => {
      const rotated = [...wishes.slice(index % wishes.length), ...wishes.slice(0, index % wishes.length)];
      return rotated.map((what) => wish(id, what));
    }),
  );
  expect([...new Set(statuses)].filter((status) => ![200, 202, 409].includes(status))).toEqual([]);

  let held = 0;
  for (const id of ids) {
    const order = await customer.eventually(id, ({ status, cancellation, refunds }) => {
      const open =
        cancellation?.status === 'requested' || refunds.some((refund) => refund.status === 'requested');
      const waits = status === 'pending' || status === 'paid' || status === 'reserved';
      return !waits && (!open || status === 'cancelled');
    });
    const saga = (await (await fetch(`${system.urls.processor}/sagas/${id}`)).json()) as { state: string };
    expect(saga.state).toBe(order.status === 'fulfilled' ? 'completed' : order.status);
    const refunded = order.refunds
      .filter(({ status }) => status === 'refunded')
      .reduce((sum, { amountMinor }) => sum + amountMinor, 0);
    const isKept = order.status === 'completed' || order.status === 'fulfilled';
    expect([order.status, netOf(await sandbox.movements(id))]).toEqual([
      order.status,
      isKept ? order.totalMinor - refunded : 0,
    ]);
    if (isKept) held += 1;
  }
  await eventually(async () => {
    const response = await fetch(`${system.urls.processor}/stock/${sku}`);
    expect(await response.json()).toMatchObject({ onHand: 1_000_000 - held, reserved: 0, shipped: held });
  });
});
