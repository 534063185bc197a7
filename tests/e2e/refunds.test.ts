import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { customerOf } from '../support/customer.ts';
import { eventually } from '../support/eventually.ts';
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

const stockOf = async (sku: string): Promise<unknown> =>
  (await fetch(`${system.urls.processor}/stock/${sku}`)).json();

async function completed(sku: string): Promise<string> {
  const id = await customer.place({ sku, quantity: 2, amountMinor: 500 });
  await customer.becomes(id, 'completed');
  return id;
}

test('a full refund gives everything back and restocks, once however often it is asked for', async () => {
  const id = await completed('SKU-050');
  expect(await stockOf('SKU-050')).toMatchObject({ onHand: 999_998, shipped: 2 });
  const answers = await Promise.all(Array.from({ length: 5 }, () => customer.refund(id)));
  expect(answers.map(({ status }) => status)).toEqual(Array(5).fill(202));
  const refunded = await customer.becomes(id, 'refunded');
  expect(refunded.refunds).toMatchObject([{ amountMinor: 1_000, status: 'refunded' }]);
  expect(await sandbox.movements(id)).toEqual(['captured 1000', 'refunded 1000']);
  expect(await stockOf('SKU-050')).toMatchObject({ onHand: 1_000_000, reserved: 0, shipped: 0 });
});

test('parts are refunded one by one up to what was captured, also of a fulfilled order', async () => {
  const id = await completed('SKU-051');
  const refundId = randomUUID();
  expect((await customer.refund(id, { amountMinor: 300, refundId })).status).toBe(202);
  await customer.eventually(id, ({ refunds }) => refunds[0]?.status === 'refunded');
  expect(await customer.get(id)).toMatchObject({ status: 'completed' });
  expect((await customer.fulfil(id)).status).toBe(200);
  const tooMuch = await customer.refund(id, { amountMinor: 701, refundId: randomUUID() });
  expect(tooMuch).toMatchObject({ status: 409, body: { code: 'REFUND_TOO_LARGE' } });
  expect((await customer.refund(id)).status).toBe(202);
  await customer.becomes(id, 'refunded');
  expect(await sandbox.movements(id)).toEqual(['captured 1000', 'refunded 300', 'refunded 700']);
  expect(await stockOf('SKU-051')).toMatchObject({ onHand: 1_000_000, reserved: 0, shipped: 0 });
});

test('a refund that the provider did without answering is not done a second time', async () => {
  const id = await completed('SKU-052');
  await sandbox.force('reset_after', { operations: ['refund'], remaining: 2 });
  await customer.refund(id);
  await customer.becomes(id, 'refunded');
  expect(await sandbox.movements(id)).toEqual(['captured 1000', 'refunded 1000']);
});

test('a refund that the provider declines waits for an operator, and the timeline says who resumed it', async () => {
  const id = await completed('SKU-053');
  await sandbox.force('compensation_declined', { operations: ['refund'] });
  await customer.refund(id);
  const saga = `${system.urls.processor}/sagas/${id}`;
  await customer.eventually(id, ({ refunds }) => refunds[0]?.status === 'requested');
  await expectStuck(saga);
  await sandbox.lift();
  const resumed = await fetch(`${saga}/resume`, { method: 'POST', headers: { 'x-operator': 'ada' } });
  expect(resumed.status).toBe(200);
  await customer.becomes(id, 'refunded');
  expect((await customer.timeline(id)).filter((entry) => entry.startsWith('operator'))).toHaveLength(1);
});

async function expectStuck(saga: string): Promise<void> {
  await eventually(async () => {
    const { refunds } = (await (await fetch(saga)).json()) as { refunds: { state: string }[] };
    return refunds[0]?.state === 'needs_attention';
  });
}
