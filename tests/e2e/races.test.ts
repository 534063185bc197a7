import { afterEach, expect, test } from '@jest/globals';
import { exchanges, queues } from '#shared/contracts/topology.ts';
import { eventually } from '../support/eventually.ts';
import { readLedger } from '../support/evidence.ts';
import { checkInvariants } from '../support/invariants.ts';
import { endsOf, line, mixedWishes, placeAll, type Wish } from '../support/load.ts';
import { publishForeign } from '../support/publish.ts';
import { settled } from '../support/settled.ts';
import { createTestSystem, type TestSystem } from '../support/system.ts';
import { watch } from '../support/witness.ts';

let system: TestSystem;

afterEach(() => system?.dispose());

test('twenty copies of one order.created at once, at two processors, have one effect', async () => {
  system = await createTestSystem({ services: ['sandbox', 'order'] });
  const witness = await watch(system);
  const wishes = Array.from(
    { length: 5 },
    (_, index): Wish => ({ request: { items: [line('SKU-001', 1, 100 + index)] }, end: 'completed' }),
  );
  const answers = await placeAll(witness, wishes);
  const originals = await eventually(async () => {
    const count = await system.broker.count(queues.orderCreated);
    return count === wishes.length && system.broker.drain(queues.orderCreated);
  });
  await Promise.all([system.start('processor'), system.startReplica('processor')]);

  const copies = Array.from({ length: 20 }, () => originals).flat();
  await publishForeign(
    system.broker.url,
    copies.map(({ routingKey, messageId, type, headers, body }) => ({
      exchange: exchanges.orders,
      routingKey,
      body,
      properties: { messageId, type, headers },
    })),
  );
  await settled(system);

  expect(await checkInvariants(system, witness)).toEqual([]);
  expect(await endsOf(system, answers)).toEqual(wishes.map(({ end }) => end));
  const { pool } = system.processorDatabase;
  const counts = await pool.query(`
    SELECT (SELECT count(*)::int FROM sagas) AS sagas,
           (SELECT count(*)::int FROM reservations) AS reservations,
           (SELECT count(*)::int FROM outbox) AS replies`);
  expect(counts.rows).toEqual([{ sagas: 5, reservations: 5, replies: 15 }]);
  expect((await readLedger(system.urls.sandbox)).map(({ kind }) => kind)).toEqual(Array(5).fill('captured'));
});

/** How many shards of the outbox each relay of a database owns; see shared/outbox/shard-ownership.ts. */
async function shardsPerRelay({ pool }: TestSystem['orderDatabase']): Promise<readonly number[]> {
  const { rows } = await pool.query<{ shards: number }>(`
    SELECT count(*) FILTER (WHERE objid < 1000)::int AS shards
    FROM pg_locks
    WHERE locktype = 'advisory' AND granted
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    GROUP BY pid`);
  return rows.map(({ shards }) => shards);
}

test('two processes of each service share the work, and the death of one of each loses and reorders nothing', async () => {
  system = await createTestSystem({ settings: { PAYMENT_TIMEOUT_MS: '300' } });
  const witness = await watch(system);
  const replicas = await Promise.all([system.startReplica('order'), system.startReplica('processor')]);
  for (const database of [system.orderDatabase, system.processorDatabase]) {
    await eventually(async () => expect(await shardsPerRelay(database)).toEqual([8, 8]));
  }

  const wishes = mixedWishes(60);
  const half = wishes.length / 2;
  const [here, there] = await Promise.all([
    placeAll(witness, wishes.slice(0, half)),
    placeAll(witness, wishes.slice(half), { baseUrl: replicas[0]?.url ?? '' }),
    eventually(() => witness.log.length > half).then(() =>
      Promise.all([system.kill('order'), system.kill('processor')]),
    ),
  ]);
  await settled(system);

  expect(await checkInvariants(system, witness)).toEqual([]);
  const answers = [...here, ...there];
  expect(await endsOf(system, answers)).toEqual(
    wishes.map(({ end }, index) => (answers[index]?.outcome === 'accepted' ? end : undefined)),
  );
  expect(there.every(({ outcome }) => outcome === 'accepted')).toBe(true);
});

test('of fifty orders that fight for the last twenty pieces at two processors, exactly twenty get one', async () => {
  system = await createTestSystem();
  await Promise.all([
    system.startReplica('processor'),
    fetch(`${system.urls.processor}/stock/SKU-RARE`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ onHand: 20 }),
    }),
  ]);
  const witness = await watch(system);

  const wish: Wish = { request: { items: [line('SKU-RARE', 1, 500)] }, end: 'completed' };
  const answers = await placeAll(
    witness,
    Array.from({ length: 50 }, () => wish),
    { atOnce: 25 },
  );
  await settled(system);

  expect(await checkInvariants(system, witness)).toEqual([]);
  const orders = Map.groupBy(await endsOf(system, answers), (end) => end);
  expect([...orders.keys()]).toHaveLength(2);
  expect(orders.get('completed')).toHaveLength(20);
  expect(orders.get('OUT_OF_STOCK')).toHaveLength(30);
  const stock = await fetch(`${system.urls.processor}/stock/SKU-RARE`);
  expect(await stock.json()).toMatchObject({ onHand: 0, reserved: 0, shipped: 20 });
});
