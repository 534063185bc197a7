import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { ledgerPageSchema, ledgerSummarySchema } from './contract.ts';
import { scenarioNames } from './scenarios.ts';
import { type RunningSandbox, startSandbox, until } from './testing/running-sandbox.ts';

let folder: string;
let file: string;
let sandbox: RunningSandbox;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sandbox-'));
  file = join(folder, 'ledger.jsonl');
  sandbox = await startSandbox({ file });
});
afterEach(async () => {
  await sandbox.stop();
  rmSync(folder, { recursive: true });
});

async function restart(): Promise<void> {
  await sandbox.stop();
  sandbox = await startSandbox({ file });
}

describe('after a restart', () => {
  test('every key gets the answer that it got before', async () => {
    const captured = await sandbox.charge('captured');
    const declined = await sandbox.charge('declined', { amountMinor: 666403 });
    const refundPath = `/payments/${captured.body.id}/refunds`;
    const refund = () => sandbox.call('POST', refundPath, { amountMinor: 5 }, { 'idempotency-key': 'r' });
    const refunded = await refund();
    await sandbox.call('POST', '/payments/by-key/forbidden/cancel');
    const before = await sandbox.entries();

    await restart();
    expect(await sandbox.charge('captured')).toMatchObject({ status: 201, body: captured.body });
    expect(await sandbox.charge('captured', { amountMinor: 1 })).toMatchObject({ status: 422 });
    expect(await sandbox.charge('declined', { amountMinor: 666403 })).toMatchObject({
      status: 402,
      body: declined.body,
    });
    expect(await refund()).toMatchObject({ status: 201, body: refunded.body });
    expect(await sandbox.charge('forbidden')).toMatchObject({ status: 410 });
    expect(await sandbox.entries()).toEqual(before);
  });

  test('a charge that was held up when it stopped was never made', async () => {
    const charge = sandbox.charge('k', { amountMinor: 666423 });
    const hungUp = expect(charge).rejects.toThrow('fetch failed');
    await until(async () => (await sandbox.call('GET', '/scenario')).body.held === 1);
    await restart();
    await hungUp;
    expect(await sandbox.entries()).toEqual([]);
    expect(await sandbox.charge('k', { amountMinor: 666423 }, { scenario: 'slow' })).toMatchObject({
      status: 201,
    });
  });
});

test('stopping does not wait for callers to whom silence is played', async () => {
  const charge = sandbox.charge('k', { amountMinor: 666504 });
  const hungUp = expect(charge).rejects.toThrow('fetch failed');
  await until(async () => (await sandbox.entries()).length === 1);
  await restart();
  await hungUp;
});

test('stopping does not wait for a connection that was never used', async () => {
  const connection = connect(Number(new URL(sandbox.url).port), '127.0.0.1');
  await once(connection, 'connect');
  // The server has accepted it once a request that came later is answered.
  await sandbox.call('GET', '/health/live');
  const closed = once(connection, 'close');
  connection.resume();
  await sandbox.stop();
  await expect(closed).resolves.toEqual([false]);
});

describe('the ledger over HTTP', () => {
  test('is read page by page, filtered by reference if wanted', async () => {
    for (const n of [1, 2, 3]) await sandbox.charge(`k${n}`, { reference: `order-${n}` });
    const first = await sandbox.call('GET', '/ledger?limit=2');
    const { items, nextCursor } = ledgerPageSchema.strict().parse(first.body);
    expect(items.map(({ seq }) => seq)).toEqual([1, 2]);
    const rest = await sandbox.call('GET', `/ledger?limit=2&cursor=${nextCursor}`);
    expect(rest.body).toMatchObject({ items: [{ seq: 3, key: 'k3' }], nextCursor: null });
    const one = await sandbox.call('GET', '/ledger?reference=order-2');
    expect(one.body).toMatchObject({ items: [{ seq: 2, key: 'k2' }], nextCursor: null });
  });

  test('is summed up', async () => {
    await sandbox.charge('k');
    const { body } = await sandbox.call('GET', '/ledger/summary');
    expect(ledgerSummarySchema.strict().parse(body)).toMatchObject({
      payments: 1,
      currencies: [{ currency: 'EUR', netMinor: 1200 }],
    });
  });

  test.each(['limit=0', 'limit=1001', 'cursor=x'])('refuses ?%s', async (query) => {
    expect(await sandbox.call('GET', `/ledger?${query}`)).toMatchObject({ status: 400 });
  });
});

test('health is reported', async () => {
  expect(await sandbox.call('GET', '/health/live')).toMatchObject({ status: 200, body: { status: 'ok' } });
  expect(await sandbox.call('GET', '/health/ready')).toMatchObject({ status: 200, body: { status: 'ok' } });
});

test('an unknown address is a problem document', async () => {
  expect(await sandbox.call('GET', '/nowhere')).toMatchObject({ status: 404, body: { code: 'NOT_FOUND' } });
});

test('the OpenAPI 3.1 document shows every route and every scenario', async () => {
  const { body } = await sandbox.call('GET', '/openapi.json');
  expect(body.openapi).toBe('3.1.0');
  expect(Object.keys(body.paths as object).toSorted()).toEqual([
    '/health/live',
    '/health/ready',
    '/ledger',
    '/ledger/summary',
    '/payments',
    '/payments/by-key/{key}',
    '/payments/by-key/{key}/cancel',
    '/payments/{id}',
    '/payments/{id}/capture',
    '/payments/{id}/refunds',
    '/payments/{id}/void',
    '/scenario',
    '/scenario/release',
  ]);
  for (const name of scenarioNames) expect(JSON.stringify(body)).toContain(name);
});

const onLinux = process.platform === 'linux' ? test : test.skip;
onLinux('nothing is answered, and readiness is off, when the ledger cannot be written', async () => {
  const broken = await startSandbox({ file: '/dev/full' });
  expect(await broken.charge('k')).toMatchObject({ status: 500 });
  expect(await broken.charge('k')).toMatchObject({ status: 500 });
  expect(await broken.call('GET', '/payments/by-key/k')).toMatchObject({ status: 500 });
  expect(await broken.call('GET', '/health/ready')).toMatchObject({ status: 503 });
  expect(await broken.call('GET', '/health/live')).toMatchObject({ status: 200 });
  await broken.stop();
});
