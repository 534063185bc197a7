import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { customerOf } from '../support/customer.ts';
import { sandboxClient } from '../support/sandbox.ts';
import { createTestSystem, type TestSystem } from '../support/system.ts';

let system: TestSystem;
let customer: ReturnType<typeof customerOf>;
let sandbox: ReturnType<typeof sandboxClient>;

beforeAll(async () => {
  system = await createTestSystem({ settings: { WATCHDOG_INTERVAL_MS: '200' } });
  customer = customerOf(system.urls.order);
  sandbox = sandboxClient(system.urls.sandbox);
});
afterAll(() => system?.dispose());

test('an order with manual payment stays reserved until it is paid, and is charged once', async () => {
  const id = await customer.place({ amountMinor: 900 }, 'manual');
  await customer.becomes(id, 'reserved');
  expect(await sandbox.movements(id)).toEqual([]);
  const answers = await Promise.all(Array.from({ length: 5 }, () => customer.pay(id)));
  expect(answers.map(({ status }) => status)).toEqual(Array(5).fill(202));
  await customer.becomes(id, 'completed');
  expect(await sandbox.movements(id)).toEqual(['captured 900']);
  expect((await customer.pay(id)).status).toBe(202);
  expect(await customer.fulfil(id)).toMatchObject({ status: 200, body: { status: 'fulfilled' } });
});

test('it may be paid before the processor has seen it', async () => {
  await system.stop('processor');
  const id = await customer.place({ amountMinor: 900 }, 'manual');
  expect((await customer.pay(id)).status).toBe(202);
  await system.start('processor');
  await customer.becomes(id, 'completed');
  expect(await sandbox.movements(id)).toEqual(['captured 900']);
});

test('it may be cancelled after it was asked to be paid, and keeps no money then', async () => {
  await sandbox.force('hold', { operations: ['charge'] });
  const id = await customer.place({ amountMinor: 900 }, 'manual');
  await customer.becomes(id, 'reserved');
  expect((await customer.pay(id)).status).toBe(202);
  expect((await customer.cancel(id)).status).toBe(202);
  expect(await customer.pay(id)).toMatchObject({ status: 202 });
  await customer.becomes(id, 'cancelled');
  await sandbox.lift();
  await sandbox.releaseHeld();
  expect((await sandbox.movements(id)).filter((movement) => movement !== 'cancelled 0')).toEqual([]);
});

test('it fails when nobody pays within the window', async () => {
  const id = await customer.place({}, 'manual');
  await customer.becomes(id, 'reserved');
  await system.processorDatabase.pool.query('UPDATE sagas SET deadline_at = now() WHERE order_id = $1', [id]);
  const { failure } = await customer.becomes(id, 'failed');
  expect(failure).toMatchObject({ code: 'PAYMENT_EXPIRED', recoverable: false });
  expect(await customer.pay(id)).toMatchObject({ status: 409 });
});
