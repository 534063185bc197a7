import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { newId } from '#shared/kernel/ids.ts';
import { customerOf, netOf } from '../support/customer.ts';
import { sandboxClient } from '../support/sandbox.ts';
import { createTestSystem, type TestSystem } from '../support/system.ts';
import { commandPlaces } from './survival.ts';

let system: TestSystem;
let customer: ReturnType<typeof customerOf>;

beforeAll(async () => {
  system = await createTestSystem();
  customer = customerOf(system.urls.order);
});
afterAll(() => system?.dispose());

/** Lets the order-service die while it does what `provoke` asks for, without an answer, and starts it again. */
async function dieAndComeBack(
  failpoint: (typeof commandPlaces)[number],
  provoke: () => Promise<unknown>,
): Promise<void> {
  await system.stop('order');
  const armed = await system.startArmed('order', failpoint);
  await expect(provoke()).rejects.toThrow('fetch failed');
  const death = await Promise.race([armed.exited, delay(20_000, 'still alive', { ref: false })]);
  expect(death).toEqual({ code: null, signal: 'SIGKILL' });
  await system.start('order');
}

async function announcedAbout(id: string): Promise<readonly string[]> {
  const { rows } = await system.orderDatabase.pool.query<{ type: string }>(
    'SELECT type FROM outbox WHERE order_id = $1 ORDER BY id',
    [id],
  );
  return rows.map(({ type }) => type);
}

describe.each(commandPlaces)('kill -9 of the order-service at %s', (failpoint) => {
  test('loses no cancellation, and its repetition finds it accepted', async () => {
    const id = await customer.place({}, 'manual');
    await customer.becomes(id, 'reserved');
    await dieAndComeBack(failpoint, () => customer.cancel(id));
    expect(await customer.cancel(id)).toMatchObject({ status: 202 });
    expect(await customer.becomes(id, 'cancelled')).toMatchObject({ cancellation: { status: 'accepted' } });
    expect(await announcedAbout(id)).toEqual(['order.created.v1', 'order.cancel_requested.v1']);
  });

  test('loses no refund, and its repetition moves no money twice', async () => {
    const id = await customer.place({ amountMinor: 1_000 });
    await customer.becomes(id, 'completed');
    const refund = { amountMinor: 300, refundId: newId() };
    await dieAndComeBack(failpoint, () => customer.refund(id, refund));
    expect(await customer.refund(id, refund)).toMatchObject({ status: 202 });
    await customer.eventually(id, ({ refunds }) => refunds.every(({ status }) => status === 'refunded'));
    expect(netOf(await sandboxClient(system.urls.sandbox).movements(id))).toBe(700);
  });
});
