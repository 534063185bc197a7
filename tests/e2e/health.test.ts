import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { newId } from '#shared/kernel/ids.ts';
import { eventually } from '../support/eventually.ts';
import { grpcHealthOf } from '../support/grpc-health.ts';
import { line, placeOne } from '../support/load.ts';
import { type PrivateServer, startPrivateBroker, startPrivatePostgres } from '../support/private-servers.ts';
import { type Sample, scrapeSamples } from '../support/scrape.ts';
import { settled } from '../support/settled.ts';
import { createTestSystem, orderClient, type TestSystem } from '../support/system.ts';
import { watch } from '../support/witness.ts';

let postgres: PrivateServer;
let broker: PrivateServer;
let system: TestSystem;

beforeAll(async () => {
  [postgres, broker] = await Promise.all([startPrivatePostgres(), startPrivateBroker()]);
  const { maintenanceUrl } = postgres.infrastructure;
  system = await createTestSystem({
    infrastructure: { ...broker.infrastructure, maintenanceUrl },
    // Long enough for the circuit to be seen open.
    settings: { PAYMENT_TIMEOUT_MS: '300', PAYMENT_BREAKER_FAILURES: '1', PAYMENT_BREAKER_OPEN_MS: '1000' },
  });
});
afterAll(async () => {
  await system?.dispose();
  await Promise.all([postgres?.dispose(), broker?.dispose()]);
});

type State = 'up' | 'down';
interface Seen {
  readonly database: State;
  readonly broker: State;
  readonly payment: State;
}

async function pageOf(service: 'order' | 'processor', page: 'live' | 'ready'): Promise<unknown> {
  const response = await fetch(`${system.urls[service]}/health/${page}`);
  return [response.status, await response.json()];
}

/** What both services say when this is so; never that they should be replaced. */
async function expectHealth({ database, broker: brokerIs, payment }: Seen): Promise<void> {
  const required = (...states: State[]) => states.every((state) => state === 'up');
  const stateOf = (isReady: boolean, isWhole: boolean) =>
    isReady ? [200, isWhole ? 'ready' : 'degraded'] : [503, 'unavailable'];
  const [orderStatus, order] = stateOf(required(database), required(brokerIs));
  const [processorStatus, processor] = stateOf(required(database, brokerIs), required(payment));

  expect(await pageOf('order', 'ready')).toEqual([
    orderStatus,
    { status: order, checks: { database, broker: brokerIs }, required: ['database'] },
  ]);
  expect(await pageOf('processor', 'ready')).toEqual([
    processorStatus,
    {
      status: processor,
      checks: { database, broker: brokerIs, payment },
      required: ['database', 'broker'],
      detail: { payment: { circuit: expect.stringMatching(payment === 'up' ? /^closed$/ : /open$/) } },
    },
  ]);
  const serving = (state: State) => (state === 'up' ? 'SERVING' : 'NOT_SERVING');
  const names = ['', 'oms.v1.OrderService', 'required/database', 'optional/broker'];
  expect(await Promise.all(names.map((name) => grpcHealthOf(system.grpcAddress, name)))).toEqual([
    serving(database),
    serving(database),
    serving(database),
    serving(brokerIs),
  ]);
  for (const service of ['order', 'processor'] as const) {
    expect(await pageOf(service, 'live')).toEqual([200, { status: 'live' }]);
  }
}

const allThere: Seen = { database: 'up', broker: 'up', payment: 'up' };

test('readiness names what is away and whether it is needed, over HTTP and gRPC, and nothing away costs a life', async () => {
  const witness = await watch(system);
  await eventually(() => expectHealth(allThere));

  await postgres.kill();
  await eventually(() => expectHealth({ ...allThere, database: 'down' }));
  await postgres.restart();
  await eventually(() => expectHealth(allThere));

  await broker.kill();
  await eventually(() => expectHealth({ ...allThere, broker: 'down' }));
  await broker.restart();
  await eventually(() => expectHealth(allThere), { withinMs: 30_000 });

  await system.kill('sandbox');
  // It is not missed before it is needed.
  await expectHealth(allThere);
  const id = await placeOne(witness, line('SKU-001', 1, 700));
  await eventually(() => expectHealth({ ...allThere, payment: 'down' }));
  await system.start('sandbox');
  await orderClient(system.urls.order).becomes(id, 'completed');
  await eventually(() => expectHealth(allThere));
  await settled(system);
});

test('a service whose connections are all at work is busy, not cut off from its database', async () => {
  const { pool } = system.orderDatabase;
  const holder = await pool.connect();
  await holder.query('BEGIN');
  await holder.query('LOCK TABLE orders IN ACCESS EXCLUSIVE MODE');
  const answers = Promise.all(
    Array.from({ length: 20 }, async () => (await fetch(`${system.urls.order}/orders/${newId()}`)).status),
  );
  const samples = await eventually(async () => {
    const samples = await scrapeSamples(system.urls.order);
    const isAwaited = ({ metric, labels, value }: Sample) =>
      metric === 'oms_database_connections' && labels.get('state') === 'awaited' && value > 0;
    return samples.some(isAwaited) && samples;
  });
  expect(samples.map(({ metric }) => metric)).toContain('oms_outbox_backlog');
  await expectHealth(allThere);
  await holder.query('ROLLBACK');
  holder.release();
  expect(new Set(await answers)).toEqual(new Set([404]));
});
