import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { eventually } from '../support/eventually.ts';
import { call, connectOrders } from '../support/grpc-client.ts';
import {
  addedByPrometheus,
  type PromQuery,
  queriesOfDashboard,
  rulesOf,
  type Selector,
  selectorsOf,
} from '../support/prom-queries.ts';
import { type Sample, scrapeSamples } from '../support/scrape.ts';
import { createTestSystem, orderBody, orderClient, type TestSystem } from '../support/system.ts';

let system: TestSystem;
let samples: readonly Sample[];
let recorded: ReadonlySet<string>;

beforeAll(async () => {
  system = await createTestSystem({ retryDelaysMs: [100, 200, 300] });
  await playEverything();
  recorded = new Set((await rulesOf('rules.yml')).map(({ record = '' }) => record));
});
afterAll(() => system?.dispose());

/** Everything that can become of orders, messages and requests, once. */
async function playEverything(): Promise<void> {
  const orders = orderClient(system.urls.order);
  const { id } = await orders.place();
  const declined = await orders.place(orderBody({ amountMinor: 666_402 }));
  const retried = await orders.place(orderBody({ amountMinor: 666_503 }));
  const waiting = await orders.place({ ...orderBody(), payment: 'manual' });
  const cancelled = await fetch(`${system.urls.order}/orders/${waiting.id}/cancel`, { method: 'POST' });
  expect(cancelled.status).toBe(202);
  system.broker.channel.publish('orders', 'order.created', Buffer.from('not an order'));
  await Promise.all([
    orders.becomes(id, 'completed'),
    orders.becomes(retried.id, 'completed'),
    orders.becomes(declined.id, 'failed'),
    orders.becomes(waiting.id, 'cancelled'),
  ]);
  const client = connectOrders(system.grpcAddress);
  await call(client, client.getOrder, { orderId: id });

  // A table that is not there is nobody's fault but ours.
  await system.orderDatabase.pool.query('ALTER TABLE orders RENAME TO orders_elsewhere');
  expect((await fetch(`${system.urls.order}/orders/${id}`)).status).toBe(500);
  await expect(call(client, client.getOrder, { orderId: id })).rejects.toThrow('INTERNAL');
  await system.orderDatabase.pool.query('ALTER TABLE orders_elsewhere RENAME TO orders');
  client.close();

  await eventually(async () => {
    samples = (await Promise.all([system.urls.order, system.urls.processor].map(scrapeSamples))).flat();
    const parked = samples.find(({ labels }) => labels.get('code') === 'MALFORMED_MESSAGE');
    expect(parked?.value).toBe(1);
  });
}

/** Told by Prometheus itself. */
const ofPrometheus: ReadonlySet<string> = new Set(['up', 'ALERTS']);

/** What is wrong with a selector: nothing tells such a metric, or not with these labels, or never with such values. */
function faultsOf({ metric, labels, matches }: Selector): string[] {
  if (ofPrometheus.has(metric) || recorded.has(metric)) return [];
  const told = samples.filter((sample) => sample.metric === metric);
  if (told.length === 0) return [`${metric} is told by nobody`];
  const missing = [...labels].filter(
    (label) => !addedByPrometheus.has(label) && !told.some((sample) => sample.labels.has(label)),
  );
  if (missing.length > 0) return missing.map((label) => `${metric} has no label ${label}`);
  return told.some((sample) => matches(sample.labels)) ? [] : [`${metric} never has such labels`];
}

async function faultsIn(queries: readonly PromQuery[]): Promise<string[]> {
  expect(queries.length).toBeGreaterThan(5);
  return queries.flatMap((query) =>
    selectorsOf(query)
      .flatMap(faultsOf)
      .map((fault) => `${query.from}: ${fault}`),
  );
}

test('what the recording rules are made of is told by the running services', async () => {
  expect(await faultsIn(await rulesOf('rules.yml'))).toEqual([]);
});

test('what the alerts look at is told by the running services', async () => {
  expect(await faultsIn(await rulesOf('alerts.yml'))).toEqual([]);
});

test('what the dashboard shows is told by the running services', async () => {
  expect(await faultsIn(await queriesOfDashboard())).toEqual([]);
});

test('a metric, a label or a value that does not exist would be noticed', () => {
  const faults = (expr: string) => selectorsOf({ from: 'a test', expr, labels: [] }).flatMap(faultsOf);
  expect(faults('rate(oms_sagas_started_total[5m])')).toEqual(['oms_sagas_started_total is told by nobody']);
  expect(faults('sum by (cause) (oms_saga_failed_total)')).toEqual([
    'oms_saga_failed_total has no label cause',
  ]);
  expect(faults('oms_payment_circuit_state{state="ajar"}')).toEqual([
    'oms_payment_circuit_state never has such labels',
  ]);
  expect(() => faults('sum by (')).toThrow('cannot parse');
});

test('docs/monitoring.md has every metric of ours, with its labels', async () => {
  const document = await readFile(new URL('../../docs/monitoring.md', import.meta.url), 'utf8');
  const rows = [...document.matchAll(/^\| `(oms_\w+)` +\| ([\w, ]*?) +\|/gm)];
  const documented = rows.map(([, name = '', labels = '']) => describe(name, labels.split(', ')));

  const histograms = new Set(samples.flatMap(({ metric }) => /^(.+)_bucket$/.exec(metric)?.[1] ?? []));
  const byName = Map.groupBy(samples, ({ metric }) => {
    const [, base = ''] = /^(.+)_(?:bucket|sum|count)$/.exec(metric) ?? [];
    return histograms.has(base) ? base : metric;
  });
  const told = [...byName]
    .filter(([name]) => name.startsWith('oms_'))
    .map(([name, series]) => describe(name, new Set(series.flatMap(({ labels }) => [...labels.keys()]))));
  expect(documented.sort()).toEqual(told.sort());
});

function describe(name: string, labels: Iterable<string>): string {
  const ours = [...labels].filter((label) => !['', 'service', 'le'].includes(label));
  return `${name}(${ours.sort().join(', ')})`;
}

test('the values of labels are few, however many orders there are', () => {
  const seriesOf = Map.groupBy(
    samples.filter(({ labels }) => !labels.has('le')),
    ({ metric }) => metric,
  );
  const many = [...seriesOf].filter(([, series]) => series.length > 60).map(([metric]) => metric);
  expect(many).toEqual([]);
  const values = new Set(samples.flatMap(({ labels }) => [...labels.values()]));
  expect([...values].filter((value) => /[0-9a-f]{8}-[0-9a-f]{4}-/.test(value))).toEqual([]);
});
