import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { eventually } from '../support/eventually.ts';
import { freeze } from '../support/frozen.ts';
import { checkInvariants } from '../support/invariants.ts';
import { mixedWishes, placeAll } from '../support/load.ts';
import { type PrivateServer, startPrivateBroker, startPrivatePostgres } from '../support/private-servers.ts';
import { settled } from '../support/settled.ts';
import { createTestSystem, type ServiceName, type TestSystem } from '../support/system.ts';
import { type Answer, type Witness, watch } from '../support/witness.ts';

/** Longer than every heartbeat, time limit of a statement and lease. */
const frozenMs = 35_000;
/** What a shutdown may take. */
const stopWithinMs = 10_000;
const services = ['order', 'processor'] as const;

let postgres: PrivateServer;
let broker: PrivateServer;
let system: TestSystem;
let witness: Witness;

beforeAll(async () => {
  [postgres, broker] = await Promise.all([startPrivatePostgres(), startPrivateBroker()]);
  const { maintenanceUrl } = postgres.infrastructure;
  system = await createTestSystem({
    infrastructure: { ...broker.infrastructure, maintenanceUrl },
    // What was in hand comes back in any order; there has to be time to wait for one another.
    retryDelaysMs: [100, 300, 1_000, 3_000],
    settings: { PAYMENT_TIMEOUT_MS: '600', SANDBOX_SLOW_MS: '400' },
  });
  witness = await watch(system);
});
afterEach(async () => {
  await settled(system, { withinMs: 50_000 });
  expect(await checkInvariants(system, witness)).toEqual([]);
});
afterAll(async () => {
  await system?.dispose();
  await Promise.all([postgres?.dispose(), broker?.dispose()]);
});

const pidOf: Readonly<Record<string, () => number>> = {
  broker: () => broker.pid(),
  database: () => postgres.pid(),
  'order-service': () => system.pidOf('order'),
  'processor-service': () => system.pidOf('processor'),
  provider: () => system.pidOf('sandbox'),
};

async function freezeAll(names: readonly string[]): Promise<{ thaw(): void }> {
  const frozen = await Promise.all(names.map((name) => freeze(pidOf[name]!())));
  return {
    thaw() {
      for (const one of frozen) one.thaw();
    },
  };
}

async function load(
  disturb: () => Promise<unknown>,
  baseUrl = system.urls.order,
): Promise<readonly Answer[]> {
  const { length } = witness.log;
  const placing = placeAll(witness, mixedWishes(60), { atOnce: 4, pauseMs: 50, baseUrl });
  await eventually(() => witness.log.length > length + 10);
  await disturb();
  return placing;
}

async function becomeReady(name: ServiceName): Promise<void> {
  await eventually(async () => (await fetch(`${system.urls[name]}/health/ready`)).status === 200, {
    withinMs: 60_000,
  });
}

describe('parts that freeze under load for longer than anybody waits', () => {
  test.each([
    { what: 'broker and provider', names: ['broker', 'provider'] },
    { what: 'database', names: ['database'] },
  ])(
    '$what: nothing is lost or repeated, and all go on by themselves',
    async ({ names }) => {
      const answers = await load(async () => {
        const frozen = await freezeAll(names);
        await new Promise((resolve) => setTimeout(resolve, frozenMs));
        frozen.thaw();
        for (const service of services) await becomeReady(service);
      });
      expect(answers.some(({ outcome }) => outcome === 'accepted')).toBe(true);
    },
    120_000,
  );
});

test('whoever wakes up after others took over his work does none of it again', async () => {
  const [order, processor] = await Promise.all([
    system.startReplica('order'),
    system.startReplica('processor'),
  ]);
  const answers = await load(async () => {
    const frozen = await freezeAll(['order-service', 'processor-service']);
    await new Promise((resolve) => setTimeout(resolve, frozenMs));
    frozen.thaw();
    for (const service of services) await becomeReady(service);
  }, order.url);
  expect(new Set(answers.map(({ outcome }) => outcome))).toEqual(new Set(['accepted']));
  await settled(system, { withinMs: 50_000 });
  expect(await checkInvariants(system, witness)).toEqual([]);
  await Promise.all([order.stop(), processor.stop()]);
}, 150_000);

describe('SIGTERM while a part is frozen', () => {
  test.each(['broker', 'database', 'provider'])(
    '%s: ends both services by themselves and in time',
    async (name) => {
      await load(async () => {
        const frozen = await freezeAll([name]);
        const begun = performance.now();
        const ends = await Promise.all(services.map((service) => system.stop(service)));
        expect(performance.now() - begun).toBeLessThan(stopWithinMs);
        expect(ends).toEqual(services.map(() => ({ code: 0, signal: null })));
        frozen.thaw();
      });
      await Promise.all(services.map((service) => system.start(service)));
    },
  );
});
