import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { queues } from '#shared/contracts/topology.ts';
import { eventually } from '../support/eventually.ts';
import { beginPost, isRefused } from '../support/half-request.ts';
import { checkInvariants } from '../support/invariants.ts';
import { endsOf, line, magicAmounts, mixedWishes, placeAll, placeOne, type Wish } from '../support/load.ts';
import { queueDepths, settled } from '../support/settled.ts';
import {
  createTestSystem,
  type OrderView,
  orderBody,
  orderClient,
  type ServiceName,
  type TestSystem,
} from '../support/system.ts';
import { type Answer, type Witness, watch } from '../support/witness.ts';

let system: TestSystem;
let witness: Witness;

beforeAll(async () => {
  system = await createTestSystem({ settings: { PAYMENT_TIMEOUT_MS: '1000', SANDBOX_SLOW_MS: '600' } });
  witness = await watch(system);
});
afterAll(() => system?.dispose());

/** SIGTERM, and until the process is gone: by itself, without an error and in time. */
async function expectOrderlyStop(of: TestSystem, name: ServiceName): Promise<void> {
  const begun = performance.now();
  expect(await of.stop(name)).toEqual({ code: 0, signal: null });
  expect(performance.now() - begun).toBeLessThan(10_000);
}

async function expectInvariants(): Promise<void> {
  await settled(system);
  expect(await checkInvariants(system, witness)).toEqual([]);
}

/** Runs `disturb` in the middle of a load, and checks all invariants after it. */
async function underLoad(
  wishes: readonly Wish[],
  disturb: () => Promise<unknown>,
): Promise<readonly Answer[]> {
  const before = witness.log.length;
  const placing = placeAll(witness, wishes, { atOnce: 5, pauseMs: 50 });
  await eventually(() => witness.log.length > before + wishes.length / 3);
  await disturb();
  const answers = await placing;
  await expectInvariants();
  return answers;
}

/** The same; moreover, every order that was accepted has to end as if nothing had happened. */
async function expectFulfilledAlthough(disturb: () => Promise<unknown>): Promise<readonly Answer[]> {
  const wishes = mixedWishes(50);
  const answers = await underLoad(wishes, disturb);
  expect(await endsOf(system, answers)).toEqual(
    wishes.map(({ end }, index) => (answers[index]?.outcome === 'accepted' ? end : undefined)),
  );
  return answers;
}

describe('SIGTERM under load loses nothing', () => {
  test('of the order-service, which turns away what it cannot accept any more', async () => {
    const answers = await expectFulfilledAlthough(async () => {
      await expectOrderlyStop(system, 'order');
      await system.start('order');
    });
    const unclear = answers.flatMap((answer) => (answer.outcome === 'unknown' ? [answer.reason] : []));
    expect(unclear.filter((reason) => /^status (?!503)/.test(reason))).toEqual([]);
  });

  test('of the processor-service, while the order-service goes on', async () => {
    const answers = await expectFulfilledAlthough(async () => {
      await expectOrderlyStop(system, 'processor');
      await system.start('processor');
    });
    expect(answers.every(({ outcome }) => outcome === 'accepted')).toBe(true);
  });
});

test('SIGTERM lets the processor-service finish the payments under way and answer for every message', async () => {
  const orders = orderClient(system.urls.order);
  const ids: string[] = [];
  for (let index = 0; index < 5; index += 1) {
    ids.push(await placeOne(witness, line('SKU-001', 1, magicAmounts.slow)));
  }
  await Promise.all(ids.map((id) => orders.becomes(id, 'reserved')));
  await expectOrderlyStop(system, 'processor');

  const { rows } = await system.processorDatabase.pool.query(
    'SELECT DISTINCT state FROM sagas WHERE order_id = ANY ($1)',
    [ids],
  );
  expect(rows).toEqual([{ state: 'completed' }]);
  expect(await queueDepths(system.broker.url, [queues.orderCreated])).toEqual(
    new Map([[queues.orderCreated, 0]]),
  );
  await system.start('processor');
  await expectInvariants();
});

test('kill -9 of each service under load, one after the other, loses and repeats nothing', async () => {
  await expectFulfilledAlthough(async () => {
    for (const name of ['processor', 'order'] as const) {
      await system.kill(name);
      await system.start(name);
    }
  });
});

test('kill -9 of the payment provider under load leaves no order with money that it should not have', async () => {
  const answers = await underLoad(mixedWishes(50), async () => {
    await system.kill('sandbox');
    await eventually(() => system.logOf('processor').some((entry) => entry.includes('PAYMENT_UNAVAILABLE')));
    await system.start('sandbox');
  });
  // Some of them were given up meanwhile; that is what the ladder is for.
  expect((await endsOf(system, answers)).filter((end) => end === 'completed').length).toBeGreaterThan(0);
});

test('SIGTERM lets the order-service answer the request it has begun to read, and take no other', async () => {
  const own = await createTestSystem({ services: ['order'] });
  try {
    const address = `${own.urls.order}/orders`;
    const request = await beginPost(address, JSON.stringify(orderBody()));
    const stopping = expectOrderlyStop(own, 'order');
    await eventually(() => isRefused(address));
    const answer = await request.finish();
    await stopping;

    expect(answer).toMatch(/^HTTP\/1\.1 201 Created\r\n/);
    const { id } = JSON.parse(answer.slice(answer.indexOf('\r\n\r\n'))) as OrderView;
    const { rows } = await own.orderDatabase.pool.query(
      'SELECT orders.id, outbox.type FROM orders JOIN outbox ON outbox.order_id = orders.id',
    );
    expect(rows).toEqual([{ id, type: 'order.created.v1' }]);
  } finally {
    await own.dispose();
  }
});
