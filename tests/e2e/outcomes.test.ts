import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { deadLetterQueueOf, queues } from '#shared/contracts/topology.ts';
import { checkInvariants } from '../support/invariants.ts';
import { line, magicAmounts, placeOne } from '../support/load.ts';
import { sandboxClient } from '../support/sandbox.ts';
import { settled } from '../support/settled.ts';
import { createTestSystem, orderClient, type TestSystem } from '../support/system.ts';
import { type Witness, watch } from '../support/witness.ts';

let system: TestSystem;
let witness: Witness;
let orders: ReturnType<typeof orderClient>;
let sandbox: ReturnType<typeof sandboxClient>;

beforeAll(async () => {
  // Orders that nobody can tell anything about have to fail here, instead of passing for an outage.
  const settings = { PAYMENT_TIMEOUT_MS: '500', SANDBOX_SLOW_MS: '300', PAYMENT_BREAKER_FAILURES: '1000' };
  system = await createTestSystem({ settings });
  witness = await watch(system);
  orders = orderClient(system.urls.order);
  sandbox = sandboxClient(system.urls.sandbox);
});
afterAll(() => system?.dispose());

async function stockOf(sku: string): Promise<unknown> {
  return (await fetch(`${system.urls.processor}/stock/${sku}`)).json();
}

const untouched = { onHand: 1_000_000, reserved: 0, shipped: 0 };
const deadLetters = () => system.broker.count(deadLetterQueueOf(queues.orderCreated));

describe('an order is rejected for good, with everything released and nothing for an operator to do, when', () => {
  test('there is not enough stock of one of its SKUs', async () => {
    const id = await placeOne(
      witness,
      line('SKU-010', 1, 100),
      line('SKU-011', 999_999, 1),
      line('SKU-011', 2, 1),
    );
    const { failure } = await orders.becomes(id, 'failed');
    expect(failure).toEqual({
      code: 'OUT_OF_STOCK',
      message: '1000001 of SKU-011 wanted, 1000000 on hand',
      recoverable: false,
    });
    expect(await stockOf('SKU-010')).toMatchObject(untouched);
    expect(await stockOf('SKU-011')).toMatchObject(untouched);
    expect(await sandbox.movements(id)).toEqual([]);
  });

  test('one of its SKUs is unknown', async () => {
    const id = await placeOne(witness, line('SKU-010', 1, 100), line('NO-SUCH-SKU', 1, 100));
    const { failure } = await orders.becomes(id, 'failed');
    expect(failure).toEqual({
      code: 'UNKNOWN_SKU',
      message: 'there is no SKU NO-SUCH-SKU',
      recoverable: false,
    });
    expect(await stockOf('SKU-010')).toMatchObject(untouched);
    expect(await sandbox.movements(id)).toEqual([]);
  });

  test('its payment is declined', async () => {
    const id = await placeOne(witness, line('SKU-010', 1, magicAmounts.declined));
    const { failure } = await orders.becomes(id, 'failed');
    expect(failure).toEqual({ code: 'PAYMENT_DECLINED', message: 'insufficient_funds', recoverable: false });
    expect(await stockOf('SKU-010')).toMatchObject(untouched);
    expect(await sandbox.movements(id)).toEqual([`declined ${magicAmounts.declined}`]);
  });

  test('and indeed no message rests among the dead letters', async () => {
    await settled(system);
    expect(await deadLetters()).toBe(0);
  });
});

describe('an order is completed and charged exactly once although', () => {
  test('the payment is slow; meanwhile its stock is reserved', async () => {
    const id = await placeOne(witness, line('SKU-020', 1, magicAmounts.slow));
    await orders.becomes(id, 'reserved');
    expect(await stockOf('SKU-020')).toMatchObject({ onHand: 999_999, reserved: 1, shipped: 0 });
    await orders.becomes(id, 'completed');
    expect(await stockOf('SKU-020')).toMatchObject({ onHand: 999_999, reserved: 0, shipped: 1 });
    expect(await sandbox.movements(id)).toEqual([`captured ${magicAmounts.slow}`]);
  });

  test.each([
    ['fails twice before it works', magicAmounts.failsTwice],
    ['answers 500 after it took the money', magicAmounts.failsAfterCharging],
    ['hangs up after it took the money', magicAmounts.hangsUpAfterCharging],
    ['never answers after it took the money', magicAmounts.neverAnswersAfterCharging],
  ])('the provider %s', async (_what, amountMinor) => {
    const id = await placeOne(witness, line('SKU-021', 1, amountMinor));
    await orders.becomes(id, 'completed');
    expect(await sandbox.movements(id)).toEqual([`captured ${amountMinor}`]);
  });

  test('the provider never answers and did nothing', async () => {
    await sandbox.force('timeout_before', { operations: ['charge'], remaining: 1 });
    const id = await placeOne(witness, line('SKU-021', 1, 700));
    await orders.becomes(id, 'completed');
    expect(await sandbox.movements(id)).toEqual(['captured 700']);
  });

  test('the provider cannot say either what became of a charge that it never answered', async () => {
    await sandbox.force('error_before', { operations: ['lookup'], remaining: 2 });
    const id = await placeOne(witness, line('SKU-021', 1, magicAmounts.neverAnswersAfterCharging));
    await orders.becomes(id, 'completed');
    expect(await sandbox.movements(id)).toEqual([`captured ${magicAmounts.neverAnswersAfterCharging}`]);
  });
});

describe('an order that cannot be paid in all attempts fails recoverably and costs nothing, also when', () => {
  test('the money was taken and nobody could tell in time', async () => {
    const amount = magicAmounts.neverAnswersAfterCharging;
    await sandbox.force('error_before', { operations: ['lookup'] });
    const id = await placeOne(witness, line('SKU-022', 1, amount));
    const { failure } = await orders.becomes(id, 'failed');
    await sandbox.lift();
    expect(failure).toMatchObject({ code: 'PAYMENT_OUTCOME_UNKNOWN', recoverable: true });
    expect(await sandbox.movements(id)).toEqual([`captured ${amount}`, `refunded ${amount}`, 'cancelled 0']);
    expect(await stockOf('SKU-022')).toMatchObject(untouched);
  });

  test('the provider is still working on the charge when it is given up', async () => {
    const id = await placeOne(witness, line('SKU-022', 1, magicAmounts.isHeld));
    await orders.becomes(id, 'failed');
    await sandbox.releaseHeld();
    expect(await sandbox.movements(id)).toEqual(['cancelled 0']);
    expect(await stockOf('SKU-022')).toMatchObject(untouched);
  });
});

test('after all of that every invariant holds', async () => {
  await settled(system);
  expect(await checkInvariants(system, witness)).toEqual([]);
});
