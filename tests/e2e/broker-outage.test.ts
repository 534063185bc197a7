import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { setMemoryLimit } from '../support/broker-alarm.ts';
import { eventually } from '../support/eventually.ts';
import { checkInvariants, type Finding } from '../support/invariants.ts';
import { endsOf, mixedWishes, placeAll, type Wish } from '../support/load.ts';
import { type PrivateServer, startPrivateBroker } from '../support/private-servers.ts';
import { scrapeSamples } from '../support/scrape.ts';
import { settled } from '../support/settled.ts';
import { createTestSystem, type ServiceName, type TestSystem } from '../support/system.ts';
import { type Answer, type Witness, watch } from '../support/witness.ts';

let broker: PrivateServer;
let system: TestSystem;
let witness: Witness;
/** When the broker was killed while messages were on their way. */
const outages: { began: Date; ended: Date }[] = [];

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

/**
 * Orders of which messages were confirmed around an outage: in the last second before the kill, or while the broker came
 * back. The event log of a single node may lack some of them, which the work queues have (ADR 9); of no other ones.
 */
async function ordersAtTheEdgesOfTheLog(): Promise<ReadonlySet<string>> {
  const databases = [system.orderDatabase, system.processorDatabase];
  const found = await Promise.all(
    databases.map(({ pool }) =>
      pool.query<{ id: string }>(
        `SELECT order_id AS id FROM outbox
         JOIN unnest($1::timestamptz[], $2::timestamptz[]) AS outage (began, ended)
           ON published_at BETWEEN began - interval '1 second' AND ended + interval '1 second'`,
        [outages.map(({ began }) => began), outages.map(({ ended }) => ended)],
      ),
    ),
  );
  return new Set(found.flatMap(({ rows }) => rows.map(({ id }) => id)));
}

/** Kills the broker; what it answers starts it again. */
async function takeBrokerAway(): Promise<() => Promise<void>> {
  const began = new Date();
  await broker.kill();
  return async () => {
    await broker.restart();
    outages.push({ began, ended: new Date() });
  };
}

/** Every order was accepted, whatever the broker did, and ended as it had to. */
async function expectAllFulfilled(wishes: readonly Wish[], answers: readonly Answer[]): Promise<void> {
  expect(answers.map(({ outcome }) => outcome)).toEqual(wishes.map(() => 'accepted'));
  await settled(system, { withinMs: 45_000 });
  expect(await endsOf(system, answers)).toEqual(wishes.map(({ end }) => end));
  const lost = await ordersAtTheEdgesOfTheLog();
  const isAboutTheLog = ({ invariant, what }: Finding) =>
    (invariant === 'I6' && what.endsWith('committed and never published')) ||
    (invariant === 'I8' && what.startsWith('was published'));
  const findings = await checkInvariants(system, witness);
  expect(findings.filter((finding) => !(isAboutTheLog(finding) && lost.has(finding.subject)))).toEqual([]);
}

test('orders are accepted while the broker is dead, and end as they must once it is back', async () => {
  const wishes = mixedWishes(60);
  const placing = placeAll(witness, wishes, { atOnce: 4, pauseMs: 100 });
  await eventually(() => witness.log.length > 15);
  const bringBack = await takeBrokerAway();
  await eventually(async () => {
    expect(await readiness('order')).toMatchObject(degraded);
    expect(await readiness('processor')).toMatchObject(unavailable);
  });
  const answers = await placing;
  await bringBack();
  await expectAllFulfilled(wishes, answers);
  expect(await readiness('processor')).toMatchObject(ready);
});

test('services that start while the broker is dead do their work once it is there', async () => {
  const [bringBack] = await Promise.all([takeBrokerAway(), system.stop('order'), system.stop('processor')]);
  await system.start('order');
  const wishes = mixedWishes(10);
  const answers = await placeAll(witness, wishes);
  expect(await connectionsThatAre('disconnected')).toContain('order-service publisher');
  await Promise.all([system.start('processor'), bringBack()]);
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
