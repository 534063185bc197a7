import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { deadLetterQueueOf, queues } from '#shared/contracts/topology.ts';
import { browseQueue } from '#shared/messaging/browse-queue.ts';
import type { IncomingMessage } from '#shared/messaging/message.ts';
import { dlqCommand } from '../support/dlq-command.ts';
import { eventually } from '../support/eventually.ts';
import { checkInvariants } from '../support/invariants.ts';
import { line, placeOne } from '../support/load.ts';
import { sandboxClient } from '../support/sandbox.ts';
import { settled } from '../support/settled.ts';
import { createTestSystem, orderClient, type TestSystem } from '../support/system.ts';
import { type Witness, watch } from '../support/witness.ts';

const queue = deadLetterQueueOf(queues.orderCreated);

let system: TestSystem;
let witness: Witness;
let orders: ReturnType<typeof orderClient>;
let sandbox: ReturnType<typeof sandboxClient>;

beforeAll(async () => {
  system = await createTestSystem();
  witness = await watch(system);
  orders = orderClient(system.urls.order);
  sandbox = sandboxClient(system.urls.sandbox);
});
afterEach(async () => {
  await settled(system);
  expect(await checkInvariants(system, witness)).toEqual([]);
});
afterAll(() => system?.dispose());

const dlq = (...args: string[]) =>
  dlqCommand({ brokerUrl: system.broker.urls.operator, databaseUrl: system.processorDatabase.url }, ...args);

/** Asks the desk over HTTP. */
async function desk(path: string, body?: object) {
  const headers = { 'content-type': 'application/json' };
  const question = body && { method: 'POST', headers, body: JSON.stringify(body) };
  const response = await fetch(`${system.urls.processor}/dead-letters${path}`, question);
  return (await response.json()) as { items: unknown[] };
}

async function deadLetters(): Promise<readonly IncomingMessage[]> {
  const messages: IncomingMessage[] = [];
  for await (const { message } of browseQueue(system.broker.url, queue)) messages.push(message);
  return messages;
}

/** Places an order while the provider is down, until it has been given up and its message rests. */
async function exhaust(): Promise<{ orderId: string; letter: IncomingMessage }> {
  await sandbox.force('error_before', { operations: ['charge'] });
  const orderId = await placeOne(witness, line('SKU-030', 2, 350));
  await orders.becomes(orderId, 'failed');
  const letter = await eventually(async () => {
    const found = (await deadLetters()).find(({ body }) => body.includes(orderId));
    return found ?? false;
  });
  await sandbox.lift();
  return { orderId, letter };
}

async function historyOf(orderId: string): Promise<readonly string[]> {
  const response = await fetch(`${system.urls.order}/orders/${orderId}/timeline`);
  const { entries } = (await response.json()) as { entries: { kind: string; type: string }[] };
  return entries.filter(({ kind }) => kind === 'history').map(({ type }) => type);
}

const charges = async (orderId: string): Promise<readonly string[]> =>
  (await sandbox.movements(orderId)).filter((movement) => !movement.startsWith('cancelled'));

describe('an order whose payment fails in all attempts', () => {
  let orderId: string;
  let letter: IncomingMessage;

  beforeAll(async () => {
    ({ orderId, letter } = await exhaust());
  });

  test('is failed and says why, with its stock released and no money taken', async () => {
    expect(await orders.get(orderId)).toMatchObject({
      status: 'failed',
      failure: { code: 'PAYMENT_OUTCOME_UNKNOWN', message: expect.any(String), recoverable: true },
    });
    const stock = await fetch(`${system.urls.processor}/stock/SKU-030`);
    expect(await stock.json()).toMatchObject({ onHand: 1_000_000, reserved: 0, shipped: 0 });
    expect(await charges(orderId)).toEqual([]);
  });

  test('leaves its message, as it was, among the dead letters with everything an operator asks first', async () => {
    const { rows } = await system.orderDatabase.pool.query(
      'SELECT message_id, payload, correlation_id FROM outbox WHERE order_id = $1',
      [orderId],
    );
    expect(letter).toMatchObject({
      messageId: rows[0].message_id,
      correlationId: rows[0].correlation_id,
      type: 'order.created.v1',
      headers: {
        'x-error-code': 'PAYMENT_OUTCOME_UNKNOWN',
        'x-error-message': expect.stringContaining('payment provider'),
        // The first and one after each of the three delays.
        'x-attempts': 4,
        'x-original-exchange': 'orders',
        'x-original-routing-key': 'order.created',
        'x-original-queue': queues.orderCreated,
      },
    });
    expect(letter.body.toString()).toBe(rows[0].payload);
    const [first, last] = ['x-first-failed-at', 'x-failed-at'].map((name) =>
      Date.parse(String(letter.headers[name])),
    );
    const ladderMs = system.broker.retryDelaysMs.reduce((sum, delay) => sum + delay, 0);
    expect((last ?? 0) - (first ?? 0)).toBeGreaterThanOrEqual(ladderMs);
  });

  test('is shown by the command line, however often one looks', async () => {
    for (let look = 0; look < 3; look += 1) {
      const { code, stdout } = await dlq('list');
      expect(code).toBe(0);
      expect(stdout).toMatch(
        new RegExp(`PAYMENT_OUTCOME_UNKNOWN +order\\.created\\.v1 +${orderId} +4 +0 .*\n\n1 dead letter\n$`),
      );
    }
    const { code, stdout } = await dlq('show', letter.messageId);
    expect(code).toBe(0);
    expect(stdout).toMatch(/\n {2}x-original-routing-key +order\.created\n/);
    expect(stdout).toContain(`"subject": "${orderId}"`);
  });

  test('is shown over HTTP, with what its order and its saga have come to', async () => {
    const [listed, groups, shown] = await Promise.all([
      desk(`?orderId=${orderId}`),
      desk('/groups'),
      desk(`/${letter.messageId}`),
    ]);
    expect(listed).toEqual({
      items: [expect.objectContaining({ id: letter.messageId, orderId, queue, attempts: 4 })],
      hasMore: false,
    });
    const [{ fingerprint }] = listed.items as [{ fingerprint: string }];
    expect(groups.items).toEqual([expect.objectContaining({ fingerprint, count: 1 })]);
    expect(shown).toMatchObject({
      letter: { frame: expect.stringMatching(/^processor-service\/src\/\S+\.ts \S+$/) },
      order: { id: orderId, status: 'failed', failure: { recoverable: true } },
      saga: { orderId, state: 'failed', run: 0 },
      history: [
        { what: 'published' },
        { what: 'failed for the first time' },
        { what: expect.stringMatching(/^given up after 4 attempts: PAYMENT_OUTCOME_UNKNOWN/) },
      ],
    });
  });

  test('is promised to go on by a dry run, which changes nothing', async () => {
    const promised = {
      effect: 'goes_on',
      reason: 'failed → reserved, then the payment provider: charge',
      schema: 'valid',
      saga: 'failed',
      transition: ['failed', 'reserved'],
      order: 'failed',
    };
    expect(await desk('/dry-run', { selection: { orderId } })).toEqual({
      items: [expect.objectContaining(promised)],
      hasMore: false,
    });
    const { stdout } = await dlq('replay', '--order', orderId, '--dry-run', '--json');
    expect(JSON.parse(stdout)).toMatchObject(promised);
    expect(await orders.get(orderId)).toMatchObject({ status: 'failed' });
    expect(await deadLetters()).toHaveLength(1);
  });

  test('is completed, and charged once, when an operator replays the message', async () => {
    const { code, stdout } = await dlq('replay', letter.messageId);
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: `replayed ${letter.messageId} order.created.v1 of order ${orderId}\n`,
    });
    expect(await orders.becomes(orderId, 'completed')).toMatchObject({ failure: null, version: 7 });
    expect(await historyOf(orderId)).toEqual([
      'placed',
      'reserved',
      'failed',
      'retried',
      'reserved',
      'paid',
      'completed',
    ]);
    expect(await charges(orderId)).toEqual(['captured 700']);
    expect(await deadLetters()).toEqual([]);
  });
});

test('a message that fails again after its replay is back among the dead letters and says so', async () => {
  const { orderId, letter } = await exhaust();
  await sandbox.force('error_before', { operations: ['charge'] });
  await dlq('replay', letter.messageId);
  const again = await eventually(async () => (await deadLetters())[0] ?? false);
  expect(again).toMatchObject({ messageId: letter.messageId, replayCount: 1, failedAttempts: 4 });
  await sandbox.lift();
  expect(await dlq('replay', '--all')).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('1 replayed'),
  });
  await orders.becomes(orderId, 'completed');
  expect((await historyOf(orderId)).filter((type) => type === 'retried')).toHaveLength(2);
  expect(await charges(orderId)).toEqual(['captured 700']);
});

test('a replay for which there is no stock any more ends as an ordinary rejection', async () => {
  const { orderId, letter } = await exhaust();
  const setStock = (onHand: number) =>
    fetch(`${system.urls.processor}/stock/SKU-030`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ onHand }),
    });
  const before = (await (await fetch(`${system.urls.processor}/stock/SKU-030`)).json()) as { onHand: number };
  await setStock(0);
  await dlq('replay', letter.messageId);
  const rejected = await eventually(async () => {
    const { failure } = await orders.get(orderId);
    return failure?.code === 'OUT_OF_STOCK' && failure;
  });
  await setStock(before.onHand);
  expect(rejected.recoverable).toBe(false);
  expect(await deadLetters()).toEqual([]);
  expect(await charges(orderId)).toEqual([]);
});

test('the desk over HTTP says what is wrong with a question', async () => {
  const codes = await Promise.all(
    ['?limit=1001', '?failedAfter=teatime', '?queue=no.such.queue', '/nobody'].map(async (path) => {
      const response = await fetch(`${system.urls.processor}/dead-letters${path}`);
      return [response.status, ((await response.json()) as { code: string }).code];
    }),
  );
  expect(codes).toEqual([
    [400, 'VALIDATION_FAILED'],
    [400, 'VALIDATION_FAILED'],
    [400, 'VALIDATION_FAILED'],
    [404, 'MESSAGE_NOT_FOUND'],
  ]);
});

describe('the command line', () => {
  test('says that there is no such message, and fails', async () => {
    for (const command of [
      ['show', 'nobody'],
      ['replay', 'nobody'],
      ['discard', 'nobody', '--reason', 'none'],
    ]) {
      const { code, stderr } = await dlq(...command);
      expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('no message nobody') });
    }
  });

  test('explains itself when it is used wrongly', async () => {
    const { code, stderr } = await dlq('replay');
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining('usage: npm run dlq') });
  });
});
