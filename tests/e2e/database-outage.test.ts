import { afterAll, beforeAll, expect, test } from '@jest/globals';
import pg from 'pg';
import { eventually } from '../support/eventually.ts';
import { checkInvariants } from '../support/invariants.ts';
import { endsOf, line, magicAmounts, mixedWishes, placeAll, placeOne } from '../support/load.ts';
import { type PrivateServer, startPrivatePostgres } from '../support/private-servers.ts';
import { settled } from '../support/settled.ts';
import { createTestSystem, orderBody, orderClient, type TestSystem } from '../support/system.ts';
import { type Witness, watch } from '../support/witness.ts';

let postgres: PrivateServer;
let system: TestSystem;
let witness: Witness;

beforeAll(async () => {
  postgres = await startPrivatePostgres();
  const { infrastructure } = postgres;
  system = await createTestSystem({
    infrastructure,
    settings: { PAYMENT_TIMEOUT_MS: '600', SANDBOX_SLOW_MS: '400' },
  });
  witness = await watch(system);
});
afterAll(async () => {
  await system?.dispose();
  await postgres?.dispose();
});

async function becomeReady(): Promise<void> {
  for (const service of ['order', 'processor'] as const) {
    await eventually(async () => (await fetch(`${system.urls[service]}/health/ready`)).status === 200);
  }
}

async function expectInvariants(): Promise<void> {
  await settled(system, { withinMs: 45_000 });
  expect(await checkInvariants(system, witness)).toEqual([]);
}

test('without the database every request gets a 503 that says when to come back, and then works again', async () => {
  const id = await placeOne(witness, line('SKU-001', 1, 100));
  await settled(system);
  await postgres.kill();

  const { order, processor } = system.urls;
  const onHand = { method: 'PUT', headers: { 'content-type': 'application/json' }, body: '{"onHand": 5}' };
  const answers = await Promise.all([
    orderClient(order).post(orderBody()),
    fetch(`${order}/orders/${id}`),
    fetch(`${order}/orders`),
    fetch(`${order}/orders/${id}/timeline`),
    fetch(`${processor}/stock`),
    fetch(`${processor}/stock/SKU-001`),
    fetch(`${processor}/stock/SKU-001`, onHand),
  ]);
  for (const answer of answers) {
    expect(answer.status).toBe(503);
    expect(answer.headers.get('retry-after')).toMatch(/^\d+$/);
    expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    const problem = (await answer.json()) as object;
    expect(problem).toMatchObject({ status: 503, code: 'DATABASE_UNAVAILABLE' });
    expect(problem).not.toHaveProperty('detail');
  }
  for (const url of [order, processor]) {
    expect((await fetch(`${url}/health/live`)).status).toBe(200);
    const ready = await fetch(`${url}/health/ready`);
    expect([ready.status, await ready.json()]).toMatchObject([503, { checks: { database: 'down' } }]);
  }

  await postgres.restart();
  await becomeReady();
  const next = await placeOne(witness, line('SKU-001', 1, 100));
  await orderClient(order).becomes(next, 'completed');
  await expectInvariants();
});

test('orders under way wait for the database without using up any of their attempts', async () => {
  const ids = [];
  for (let index = 0; index < 5; index += 1) {
    ids.push(await placeOne(witness, line('SKU-002', 1, magicAmounts.slow)));
  }
  const orders = orderClient(system.urls.order);
  await Promise.all(ids.map((id) => orders.becomes(id, 'reserved')));
  await postgres.kill();
  // The payments are captured meanwhile, and what they led to cannot be stored.
  const waits = (entry: string): boolean => entry.includes('message waits for a dependency');
  await eventually(() => system.logOf('processor').some(waits));
  await postgres.restart();
  await becomeReady();

  await Promise.all(ids.map((id) => orders.becomes(id, 'completed')));
  await expectInvariants();
  expect(system.logOf('processor').filter((entry) => entry.includes('message will be retried'))).toEqual([]);
});

test('orders under way wait as well for a database that only reads, as one without room or after a failover', async () => {
  const ids = [];
  for (let index = 0; index < 5; index += 1) {
    ids.push(await placeOne(witness, line('SKU-003', 1, magicAmounts.slow)));
  }
  const orders = orderClient(system.urls.order);
  await Promise.all(ids.map((id) => orders.becomes(id, 'reserved')));
  const seenBefore = system.logOf('processor').length;
  const sinceThen = (text: string) =>
    system
      .logOf('processor')
      .slice(seenBefore)
      .some((entry) => entry.includes(text));
  await onlyRead(true);
  try {
    await eventually(() => sinceThen('message waits for a dependency'));
    const refusal = await orders.post(orderBody());
    expect([refusal.status, await refusal.json()]).toMatchObject([503, { code: 'DATABASE_UNAVAILABLE' }]);
  } finally {
    await onlyRead(false);
  }

  await Promise.all(ids.map((id) => orders.becomes(id, 'completed')));
  await expectInvariants();
  expect(sinceThen('message will be retried')).toBe(false);
});

/** For all sessions of all databases, those that are open as well. */
async function onlyRead(isWanted: boolean): Promise<void> {
  const client = new pg.Client({ connectionString: postgres.infrastructure.maintenanceUrl });
  await client.connect();
  await client.query('SET default_transaction_read_only = off');
  await client.query(`ALTER SYSTEM SET default_transaction_read_only = ${isWanted ? 'on' : 'off'}`);
  await client.query('SELECT pg_reload_conf()');
  await client.end();
}

test('a database that dies again and again under load loses and repeats nothing', async () => {
  const wishes = mixedWishes(30);
  for (let death = 1; death <= 3; death += 1) {
    const { length } = witness.log;
    const placing = placeAll(witness, wishes, { atOnce: 4, pauseMs: 50 });
    await eventually(() => witness.log.length > length + 10);
    await postgres.kill();
    await postgres.restart();
    await becomeReady();
    const answers = await placing;

    expect(answers.some(({ outcome }) => outcome === 'unknown')).toBe(true);
    await expectInvariants();
    expect(await endsOf(system, answers)).toEqual(
      wishes.map(({ end }, index) => (answers[index]?.outcome === 'accepted' ? end : undefined)),
    );
  }
});
