import { afterEach, expect, test } from '@jest/globals';
import { exchanges, queues } from '#shared/contracts/topology.ts';
import { eventually } from '../support/eventually.ts';
import { readLedger } from '../support/evidence.ts';
import { checkInvariants } from '../support/invariants.ts';
import { endsOf, line, magicAmounts, mixedWishes, placeAll, placeOne, type Wish } from '../support/load.ts';
import { publishForeign } from '../support/publish.ts';
import { sandboxClient } from '../support/sandbox.ts';
import { settled } from '../support/settled.ts';
import { createTestSystem, orderClient, type TestSystem } from '../support/system.ts';
import { watch } from '../support/witness.ts';

let system: TestSystem;

afterEach(() => system?.dispose());

test('twenty copies of one order.created at once, at two processors, have one effect', async () => {
  const settings = { PAYMENT_TIMEOUT_MS: '30000' };
  system = await createTestSystem({ services: ['sandbox', 'order'], settings });
  const witness = await watch(system);
  const wish: Wish = { request: { items: [line('SKU-001', 1, 100)] }, end: 'completed' };
  const wishes = Array.from({ length: 20 }, () => wish);
  const answers = await placeAll(witness, wishes);
  const originals = await eventually(async () => {
    const count = await system.broker.count(queues.orderCreated);
    return count === wishes.length && system.broker.drain(queues.orderCreated);
  });
  await Promise.all([system.start('processor'), system.startReplica('processor')]);
  // It keeps plenty of the same SKU reserved: whoever ships an order twice finds something to take.
  const bystander = await placeOne(
    witness,
    line('SKU-001', 1_000, 0),
    line('SKU-001', 1, magicAmounts.isHeld),
  );
  await orderClient(system.urls.order).becomes(bystander, 'reserved');

  const copies = originals.map(({ routingKey, messageId, type, body }) => ({
    exchange: exchanges.orders,
    routingKey,
    body,
    properties: { messageId, type },
  }));
  await publishForeign(system.broker.url, Array.from({ length: 20 }, () => copies).flat());
  await eventually(async () => expect(await endsOf(system, answers)).toEqual(wishes.map(({ end }) => end)));
  await sandboxClient(system.urls.sandbox).releaseHeld();
  await settled(system);

  expect(await checkInvariants(system, witness)).toEqual([]);
  const { rows } = await system.processorDatabase.pool.query(`
    SELECT (SELECT count(*)::int FROM sagas) AS sagas,
           (SELECT count(*)::int FROM reservations) AS reservations,
           (SELECT count(*)::int FROM outbox) AS replies`);
  expect(rows).toEqual([{ sagas: 21, reservations: 21, replies: 63 }]);
  const movements = (await readLedger(system.urls.sandbox)).map(({ kind }) => kind);
  expect(movements).toEqual(Array(21).fill('captured'));
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
