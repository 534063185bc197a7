import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { setMemoryLimit } from '../support/broker-alarm.ts';
import { eventually } from '../support/eventually.ts';
import { checkInvariants } from '../support/invariants.ts';
import { endsOf, mixedWishes, placeAll, type Wish } from '../support/load.ts';
import { type PrivateServer, startPrivateBroker } from '../support/private-servers.ts';
import { scrapeSamples } from '../support/scrape.ts';
import { settled } from '../support/settled.ts';
import { createTestSystem, type ServiceName, type TestSystem } from '../support/system.ts';
import { type Answer, type Witness, watch } from '../support/witness.ts';

let broker: PrivateServer;
let system: TestSystem;
let witness: Witness;

beforeAll(async () => {
  broker = await startPrivateBroker();
  system = await createTestSystem({
    infrastructure: broker.infrastructure,
    settings: { PAYMENT_TIMEOUT_MS: '300' },
    services: [],
  });
  // Before the services start: a quorum queue survives kill -9 from half a second after its declaration on.
  witness = await watch(system);
  await Promise.all([system.start('sandbox'), system.start('processor'), system.start('order')]);
});
afterAll(async () => {
  await system?.dispose();
  await broker?.dispose();
});

async function readiness(service: ServiceName): Promise<unknown> {
  const response = await fetch(`${system.urls[service]}/health/ready`);
  return [response.status, await response.json()];
}

/** Those of the order-service, as its metrics tell. */
async function connectionsThatAre(state: string): Promise<(string | undefined)[]> {
  return (await scrapeSamples(system.urls.order))
    .filter(({ metric, value }) => metric === 'oms_broker_connection_state' && value === 1)
    .filter(({ labels }) => labels.get('state') === state)
    .map(({ labels }) => labels.get('connection'));
}

const degraded = [200, { status: 'degraded', checks: { database: 'up', broker: 'down' } }];
const unavailable = [503, { status: 'unavailable', checks: { database: 'up', broker: 'down' } }];
const ready = [200, { status: 'ready', checks: { database: 'up', broker: 'up' } }];

/** Every order was accepted, whatever the broker did, and ended as it had to. */
async function expectAllFulfilled(wishes: readonly Wish[], answers: readonly Answer[]): Promise<void> {
  expect(answers.map(({ outcome }) => outcome)).toEqual(wishes.map(() => 'accepted'));
  await settled(system, { withinMs: 45_000 });
  expect(await endsOf(system, answers)).toEqual(wishes.map(({ end }) => end));
  expect(await checkInvariants(system, witness)).toEqual([]);
}

test('orders are accepted while the broker is dead, and end as they must once it is back', async () => {
  const wishes = mixedWishes(60);
  const placing = placeAll(witness, wishes, { atOnce: 4, pauseMs: 100 });
  await eventually(() => witness.log.length > 15);
  await broker.kill();
  await eventually(async () => {
    expect(await readiness('order')).toMatchObject(degraded);
    expect(await readiness('processor')).toMatchObject(unavailable);
  });
  const answers = await placing;
  await broker.restart();
  await expectAllFulfilled(wishes, answers);
  expect(await readiness('processor')).toMatchObject(ready);
});

test('services that start while the broker is dead do their work once it is there', async () => {
  await Promise.all([broker.kill(), system.stop('order'), system.stop('processor')]);
  await system.start('order');
  const wishes = mixedWishes(10);
  const answers = await placeAll(witness, wishes);
  expect(await connectionsThatAre('disconnected')).toContain('order-service publisher');
  await Promise.all([system.start('processor'), broker.restart()]);
  await expectAllFulfilled(wishes, answers);
  // The orders wait for those that carry them, and for no other.
  await eventually(async () => (await connectionsThatAre('disconnected')).length === 0);
});

test('a broker that is short of memory holds up what is published, and everything goes on afterwards', async () => {
  await setMemoryLimit(broker.pid(), 0.000_001);
  const wishes = mixedWishes(10);
  const answers = await placeAll(witness, wishes);
  await eventually(() => system.logOf('order').some((entry) => entry.includes('broker takes no messages')));
  expect(await readiness('order')).toMatchObject(degraded);
  expect(await connectionsThatAre('blocked')).toContain('order-service publisher');
  const { rows } = await system.orderDatabase.pool.query(
    'SELECT count(*)::int AS waiting FROM outbox WHERE published_at IS NULL',
  );
  expect(rows).toEqual([{ waiting: wishes.length }]);

  await setMemoryLimit(broker.pid(), 0.4);
  await expectAllFulfilled(wishes, answers);
});
