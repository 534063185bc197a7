import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { connect } from 'amqplib';
import { queues } from '#shared/contracts/topology.ts';
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

const stockOf = async (sku: string): Promise<unknown> =>
  (await fetch(`${system.urls.processor}/stock/${sku}`)).json();
const untouched = { onHand: 1_000_000, reserved: 0, shipped: 0 };

describe('an order can be cancelled', () => {
  test('before the processor has seen it, and keeps no money and no stock', async () => {
    await system.stop('processor');
    const id = await customer.place({ sku: 'SKU-040' });
    expect(await customer.cancel(id)).toMatchObject({
      status: 202,
      body: { status: 'pending', cancellation: { status: 'requested' } },
    });
    await system.start('processor');
    await customer.becomes(id, 'cancelled');
    // Which of the two messages arrives first is not ours to say; what is left in the end is.
    expect(netOf(await sandbox.movements(id))).toBe(0);
    expect(await stockOf('SKU-040')).toMatchObject(untouched);
  });

  test('while its charge is under way: what the provider is still working on is never charged', async () => {
    const id = await customer.place({ sku: 'SKU-041', amountMinor: magicAmounts.isHeld });
    await customer.becomes(id, 'reserved');
    expect((await customer.cancel(id)).status).toBe(202);
    await customer.becomes(id, 'cancelled');
    await sandbox.releaseHeld();
    expect(await sandbox.movements(id)).toEqual(['cancelled 0']);
    expect(await stockOf('SKU-041')).toMatchObject(untouched);
    // Asking again changes nothing.
    expect(await customer.cancel(id)).toMatchObject({ status: 202, body: { status: 'cancelled' } });
  });

  test('when it failed in a way that leaves it to a replay', async () => {
    await sandbox.force('error_before', { operations: ['charge'] });
    const id = await customer.place({ sku: 'SKU-042' });
    await customer.becomes(id, 'failed');
    await sandbox.lift();
    expect((await customer.cancel(id)).status).toBe(202);
    await customer.becomes(id, 'cancelled');
    expect(await stockOf('SKU-042')).toMatchObject(untouched);
  });
});

describe('a cancellation that comes too late', () => {
  test('is answered 409 where the order-service knows of the payment', async () => {
    const id = await customer.place();
    await customer.becomes(id, 'completed');
    expect(await customer.cancel(id)).toMatchObject({ status: 409, body: { code: 'ORDER_ALREADY_PAID' } });
  });

  test('is accepted, and rejected later, where only the processor knows', async () => {
    // Whoever subscribes first gets the processor's replies; the order-service stands by and hears nothing.
    await system.stop('order');
    const listener = await connect(system.broker.url);
    await (await listener.createChannel()).consume(queues.orderProcessed, () => {});
    await system.start('order');
    const id = await customer.place();
    await eventually(async () => (await sandbox.movements(id)).length === 1);
    expect(await customer.cancel(id)).toMatchObject({ status: 202, body: { status: 'pending' } });
    await listener.close();
    const late = await customer.eventually(id, ({ cancellation }) => cancellation?.status === 'rejected');
    expect(late).toMatchObject({ status: 'completed', cancellation: { message: expect.any(String) } });
    expect(await sandbox.movements(id)).toEqual(['captured 1999']);
  });
});
