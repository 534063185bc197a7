import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { deadLetterQueueOf, queues } from '#shared/contracts/topology.ts';
import { type FailpointName, failpointNames } from '#shared/kernel/failpoints.ts';
import { dlqCommand } from '../support/dlq-command.ts';
import { eventually } from '../support/eventually.ts';
import { sandboxClient } from '../support/sandbox.ts';
import { createTestSystem, orderBody, orderClient, type TestSystem } from '../support/system.ts';

const deadLetterQueue = deadLetterQueueOf(queues.orderCreated);
const places = failpointNames.filter((name) => name.startsWith('desk.'));
const amountMinor = 700;

let system: TestSystem;
let orders: ReturnType<typeof orderClient>;
let sandbox: ReturnType<typeof sandboxClient>;

beforeAll(async () => {
  system = await createTestSystem();
  orders = orderClient(system.urls.order);
  sandbox = sandboxClient(system.urls.sandbox);
});
afterAll(() => system?.dispose());

const target = () => ({ brokerUrl: system.broker.urls.operator, databaseUrl: system.processorDatabase.url });
const dlq = (...args: string[]) => dlqCommand(target(), ...args);
const dying = (failpoint: FailpointName, ...args: string[]) =>
  dlqCommand({ ...target(), env: { NODE_ENV: 'test', FAILPOINTS: failpoint } }, ...args);

/** Orders whose payment failed until they were given up; now the provider works again. */
async function failedOrders(count: number): Promise<string[]> {
  await sandbox.force('error_before', { operations: ['charge'] });
  const placed = await Promise.all(
    Array.from({ length: count }, () => orders.place(orderBody({ amountMinor }))),
  );
  const ids = placed.map(({ id }) => id);
  for (const id of ids) await orders.becomes(id, 'failed');
  await eventually(async () => (await system.broker.count(deadLetterQueue)) === count);
  await sandbox.lift();
  return ids;
}

async function messageIdsOf(ids: readonly string[]): Promise<string[]> {
  const { rows } = await system.orderDatabase.pool.query<{ message_id: string }>(
    `SELECT message_id FROM outbox WHERE order_id = ANY ($1) AND type = 'order.created.v1'`,
    [ids],
  );
  return rows.map(({ message_id }) => message_id);
}

/** Every order was completed once, with one capture; nothing is left, and the audit and the timeline tell it once. */
async function expectReplayedOnce(ids: readonly string[]): Promise<void> {
  for (const id of ids) await orders.becomes(id, 'completed');
  expect(await system.broker.count(deadLetterQueue)).toBe(0);
  for (const id of ids) {
    const movements = await sandbox.movements(id);
    expect(movements.filter((movement) => !movement.startsWith('cancelled'))).toEqual([
      `captured ${amountMinor}`,
    ]);
  }
  const { rows: history } = await system.orderDatabase.pool.query(
    `SELECT type, count(*)::int FROM order_events
     WHERE order_id = ANY ($1) AND type IN ('completed', 'retried') GROUP BY type ORDER BY type`,
    [ids],
  );
  expect(history).toEqual([
    { type: 'completed', count: ids.length },
    { type: 'retried', count: ids.length },
  ]);
  const { rows: audit } = await system.processorDatabase.pool.query(
    `SELECT outcome, count(*)::int, count(DISTINCT order_id)::int AS orders FROM operator_actions
     WHERE order_id = ANY ($1) AND action = 'replay' GROUP BY outcome`,
    [ids],
  );
  expect(audit).toEqual([{ outcome: 'done', count: ids.length, orders: ids.length }]);
  const { rows: told } = await system.processorDatabase.pool.query(
    `SELECT order_id FROM outbox WHERE order_id = ANY ($1) AND type = 'order.operator_acted.v1'`,
    [ids],
  );
  expect(told).toHaveLength(ids.length);
  expect(new Set(told.map(({ order_id }) => order_id))).toEqual(new Set(ids));
}

/** As if whoever carried it out had been silent for long enough. */
async function interruptedRun(): Promise<string> {
  const { rows } = await system.processorDatabase.pool.query<{ id: string }>(
    `UPDATE replay_runs SET updated_at = updated_at - interval '16 seconds' WHERE status = 'running' RETURNING id`,
  );
  return rows[0]!.id;
}

describe('nothing is lost or done twice when kill -9 hits a replay', () => {
  test.each(places)('of many letters at %s, and it is resumed', async (failpoint) => {
    const ids = await failedOrders(4);
    expect(await dying(failpoint, 'replay', '--all', '--rate', '1000')).toMatchObject({ signal: 'SIGKILL' });
    const resumed = await dlq('resume', await interruptedRun());
    expect(resumed).toMatchObject({ code: 0, stderr: '', stdout: expect.stringMatching(/\n4 replayed\n$/) });
    await expectReplayedOnce(ids);
  });

  test.each(places)('of one letter at %s, and it is replayed again', async (failpoint) => {
    const ids = await failedOrders(1);
    const [messageId] = await messageIdsOf(ids);
    expect(await dying(failpoint, 'replay', messageId!)).toMatchObject({ signal: 'SIGKILL' });
    expect(await dlq('replay', messageId!)).toMatchObject({ code: 0, stderr: '' });
    await expectReplayedOnce(ids);
  });
});

test('a replay that dies with its service goes on in the next one, when somebody asks for it', async () => {
  const ids = await failedOrders(4);
  await system.stop('processor');
  const armed = await system.startArmed('processor', 'desk.after-confirm');
  const call = (path: string, body?: unknown) =>
    fetch(`${system.urls.processor}/dead-letters/replays${path}`, {
      method: 'POST',
      headers: { 'x-operator': 'alice', ...(body ? { 'content-type': 'application/json' } : {}) },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
  // It may die before it has answered.
  await call('', { selection: {}, ratePerSecond: 1_000 }).catch(() => undefined);
  expect(await armed.exited).toEqual({ code: null, signal: 'SIGKILL' });
  await system.start('processor');
  expect((await call(`/${await interruptedRun()}/resume`)).status).toBe(202);
  await expectReplayedOnce(ids);
});

test('a place where it dies in these tests is nothing that can be armed in production', async () => {
  const { code, stderr } = await dlqCommand(
    { ...target(), env: { FAILPOINTS: 'desk.after-intent' } },
    'replay',
    '--all',
  );
  expect({ code, stderr }).toEqual({
    code: 1,
    stderr: expect.stringContaining('only where NODE_ENV is test'),
  });
});
