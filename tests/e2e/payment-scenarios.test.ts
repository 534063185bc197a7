import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { SCENARIOS } from '#payment-sandbox/scenarios.ts';
import { eventually } from '../support/eventually.ts';
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
  system = await createTestSystem({
    retryDelaysMs: [50, 100, 400],
    settings: {
      PAYMENT_TIMEOUT_MS: '250',
      SANDBOX_SLOW_MS: '100',
      // Longer than anybody waits for an answer, and shorter than the ladder.
      SANDBOX_VERY_SLOW_MS: '400',
      // Many of these orders fail at the same time, and it is not an outage.
      PAYMENT_BREAKER_FAILURES: '1000',
    },
  });
  witness = await watch(system);
  orders = orderClient(system.urls.order);
  sandbox = sandboxClient(system.urls.sandbox);
});
afterAll(() => system?.dispose());

interface End {
  /** `completed`, or the code of the failure. */
  readonly end: string;
  /** What the provider's books say about the order, without the amounts. */
  readonly books: readonly string[];
}

const paid: End = { end: 'completed', books: ['captured'] };
const declined: End = { end: 'PAYMENT_DECLINED', books: ['declined'] };
/** Given up, and the key shut for ever, whatever is still on its way to it. */
const givenUp: End = { end: 'PAYMENT_OUTCOME_UNKNOWN', books: ['cancelled'] };

/** What becomes of an order whose total plays the scenario. */
const ends: Readonly<Record<string, End>> = {
  declined_insufficient_funds: declined,
  declined_stolen_card: declined,
  slow: paid,
  very_slow: paid,
  late_arrival: paid,
  hold: givenUp,
  timeout_before: givenUp,
  timeout_after: paid,
  error_before: givenUp,
  error_twice: paid,
  error_after: paid,
  reset_before: givenUp,
  reset_after: paid,
  rate_limited: { end: 'PAYMENT_UNAVAILABLE', books: ['cancelled'] },
  compensation_declined: paid,
  compensation_error_twice: paid,
  compensation_error_after: paid,
};

/** The scenarios that can happen to the giving back, and how often they have to for everything about them to show. */
const ofGivingBack = SCENARIOS.filter(({ affects }) => affects !== 'charge').map(({ name, times = 1 }) => ({
  name,
  times,
}));
const refused = 'compensation_declined';

const kindsOf = async (orderId: string): Promise<readonly string[]> =>
  (await sandbox.movements(orderId)).map((movement) => movement.replace(/ \d+$/, ''));

async function expectInvariants(): Promise<void> {
  await settled(system);
  expect(await checkInvariants(system, witness)).toEqual([]);
}

describe('an order whose payment plays the scenario', () => {
  const ids = new Map<string, string>();

  beforeAll(async () => {
    for (const { name, amountMinor } of SCENARIOS)
      ids.set(name, await placeOne(witness, line('SKU-001', 1, amountMinor)));
  });

  test('has an expectation, for every scenario there is', () => {
    expect(Object.keys(ends)).toEqual(SCENARIOS.map(({ name }) => name));
  });

  test.each(Object.entries(ends))('%s ends as it should', async (name, { end, books }) => {
    const id = ids.get(name) as string;
    const order = await eventually(async () => {
      const found = await orders.get(id);
      return (found.status === 'completed' || found.status === 'failed') && found;
    });
    expect(order.failure?.code ?? order.status).toBe(end);
    expect(await kindsOf(id)).toEqual(books);
  });

  test('and charges that were held up all the time move no money any more when they are let go', async () => {
    await sandbox.releaseHeld();
    await expectInvariants();
  });
});

/** The disturbance is over when it has been played; whoever was refused has to be told so. */
async function disturb(operation: 'refund' | 'cancel', { name, times }: { name: string; times: number }) {
  await sandbox.force(name, { operations: [operation], remaining: times });
}

async function resume(orderId: string): Promise<void> {
  const response = await fetch(`${system.urls.processor}/sagas/${orderId}/resume`, {
    method: 'POST',
    headers: { 'x-operator': 'alice' },
  });
  expect(response.status).toBe(200);
}

describe('a refund that plays the scenario', () => {
  test.each(ofGivingBack)('$name gives the money back once', async (scenario) => {
    const id = await placeOne(witness, line('SKU-002', 2, 450));
    await orders.becomes(id, 'completed');
    await disturb('refund', scenario);
    const part = { amountMinor: 200, refundId: randomUUID() };
    expect(await witness.ask(id, 'refund', { body: part })).toBe(202);
    if (scenario.name === refused) {
      await settled(system, { attention: true });
      expect(await checkInvariants(system, witness, { attention: true })).toEqual([]);
      expect(await sandbox.movements(id)).toEqual(['captured 900']);
      await resume(id);
    }
    await eventually(async () =>
      expect(await sandbox.movements(id)).toEqual(['captured 900', 'refunded 200']),
    );
    expect(await witness.ask(id, 'refund')).toBe(202);
    await orders.becomes(id, 'refunded');
    expect(await sandbox.movements(id)).toEqual(['captured 900', 'refunded 200', 'refunded 700']);
  });

  test('and all the rest is right as well', expectInvariants);
});

describe('a cancellation that plays the scenario', () => {
  test.each(ofGivingBack)('$name shuts the key of a charge that is under way, once', async (scenario) => {
    await disturb('cancel', scenario);
    const id = await placeOne(witness, line('SKU-003', 1, magicAmounts.isHeld));
    await orders.becomes(id, 'reserved');
    expect(await witness.ask(id, 'cancel')).toBe(202);
    await orders.becomes(id, 'cancelled');
    await sandbox.releaseHeld();
    expect(await sandbox.movements(id)).toEqual(['cancelled 0']);
  });

  test('and all the rest is right as well', expectInvariants);
});
