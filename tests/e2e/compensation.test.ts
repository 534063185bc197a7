import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { deadLetterQueueOf, queues } from '#shared/contracts/topology.ts';
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
    settings: {
      WATCHDOG_INTERVAL_MS: '200',
      COMPENSATION_RETRY_MS: '100',
      COMPENSATION_ATTEMPTS: '3',
      PAYMENT_TIMEOUT_MS: '300',
      // An open breaker costs no attempt, and would only make the test longer.
      PAYMENT_BREAKER_FAILURES: '1000',
    },
  });
  customer = customerOf(system.urls.order);
  sandbox = sandboxClient(system.urls.sandbox);
});
afterAll(() => system?.dispose());

const stockOf = async (sku: string): Promise<unknown> =>
  (await fetch(`${system.urls.processor}/stock/${sku}`)).json();

test('an order whose money cannot be given back stays reserved until an operator resumes it', async () => {
  const amount = magicAmounts.neverAnswersAfterCharging;
  await sandbox.force('error_before', { operations: ['lookup', 'cancel'] });
  const id = await customer.place({ sku: 'SKU-060', amountMinor: amount });
  const saga = `${system.urls.processor}/sagas/${id}`;
  await eventually(async () => {
    const { state } = (await (await fetch(saga)).json()) as { state: string };
    return state === 'needs_attention';
  });
  // The money is with us, and nobody was told otherwise; the message does not wait.
  expect(netOf(await sandbox.movements(id))).toBe(amount);
  expect(await customer.get(id)).toMatchObject({ status: 'reserved' });
  expect(await stockOf('SKU-060')).toMatchObject({ reserved: 1 });
  await eventually(async () => (await system.broker.count(deadLetterQueueOf(queues.orderCreated))) === 1);

  await sandbox.lift();
  const resumed = await fetch(`${saga}/resume`, { method: 'POST', headers: { 'x-operator': 'ada' } });
  expect(resumed.status).toBe(200);
  const failed = await customer.becomes(id, 'failed');
  expect(failed.failure).toMatchObject({ recoverable: true });
  expect(netOf(await sandbox.movements(id))).toBe(0);
  expect(await stockOf('SKU-060')).toMatchObject({ onHand: 1_000_000, reserved: 0, shipped: 0 });
  const timeline = await customer.timeline(id);
  expect(timeline.filter((entry) => entry.startsWith('operator'))).toHaveLength(1);
});
