import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { deadLetterQueueOf, queues } from '#shared/contracts/topology.ts';
import { newId } from '#shared/kernel/ids.ts';
import { createPublisher, type Publisher } from '#shared/messaging/publisher.ts';
import { bury } from '../integration/support/dead-letters.ts';
import { testLogger } from '../integration/support/logger.ts';
import { eventually } from '../support/eventually.ts';
import { sandboxClient } from '../support/sandbox.ts';
import { createTestSystem, orderBody, orderClient, type TestSystem } from '../support/system.ts';

const deadLetterQueue = deadLetterQueueOf(queues.orderCreated);

let system: TestSystem;
let orders: ReturnType<typeof orderClient>;
let sandbox: ReturnType<typeof sandboxClient>;
let publisher: Publisher;

beforeAll(async () => {
  system = await createTestSystem();
  orders = orderClient(system.urls.order);
  sandbox = sandboxClient(system.urls.sandbox);
  publisher = createPublisher({ url: system.broker.url, name: 'test', logger: testLogger });
  publisher.start();
  await eventually(() => publisher.isReady());
});
beforeEach(async () => {
  await system.broker.channel.purgeQueue(deadLetterQueue);
});
afterAll(async () => {
  await publisher?.stop();
  await system?.dispose();
});

/** What any of these routes answers; only what tests look at. */
interface Body {
  readonly id: string;
  readonly status: string;
  readonly replayed: number;
  readonly replacedBy: string | null;
  readonly original: { readonly body: string } | null;
  readonly items: readonly unknown[];
  readonly code: string;
}

interface Answer {
  readonly status: number;
  readonly location: string | null;
  readonly body: Body;
}

async function call(
  method: string,
  path: string,
  options: { body?: unknown; operator?: string | null } = {},
): Promise<Answer> {
  const { body, operator = 'alice' } = options;
  const response = await fetch(`${system.urls.processor}/dead-letters${path}`, {
    method,
    headers: {
      ...(operator === null ? {} : { 'x-operator': operator }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const { status, headers } = response;
  return { status, location: headers.get('location'), body: (await response.json()) as Body };
}

/** An order whose payment failed until it was given up, and the id of its message; now the provider works again. */
async function failedOrder(): Promise<{ orderId: string; messageId: string }> {
  await sandbox.force('error_before', { operations: ['charge'] });
  const { id: orderId } = await orders.place(orderBody({ amountMinor: 700 }));
  await orders.becomes(orderId, 'failed');
  await eventually(async () => (await system.broker.count(deadLetterQueue)) === 1);
  await sandbox.lift();
  const { rows } = await system.orderDatabase.pool.query<{ message_id: string }>(
    `SELECT message_id FROM outbox WHERE order_id = $1 AND type = 'order.created.v1'`,
    [orderId],
  );
  return { orderId, messageId: rows[0]!.message_id };
}

const burySome = (count: number) =>
  Promise.all(Array.from({ length: count }, async () => (await bury(publisher)).messageId));

async function ended(id: string): Promise<Body> {
  return eventually(async () => {
    const { body } = await call('GET', `/replays/${id}`);
    return body.status !== 'running' && body;
  });
}

describe('POST /dead-letters/{id}/…', () => {
  test('replay completes the order, is in the audit and in the timeline of the order', async () => {
    const { orderId, messageId } = await failedOrder();
    const { status, body } = await call('POST', `/${messageId}/replay`);
    expect({ status, body }).toMatchObject({
      status: 200,
      body: { action: 'replay', outcome: 'done', operator: 'alice', messageId, orderId, replayCount: 1 },
    });
    await orders.becomes(orderId, 'completed');
    expect((await call('GET', `/actions?orderId=${orderId}`)).body.items).toEqual([body]);
    await eventually(async () => {
      const timeline: unknown = await (await fetch(`${system.urls.order}/orders/${orderId}/timeline`)).json();
      const entries = expect.arrayContaining([expect.objectContaining({ kind: 'operator' })]);
      expect(timeline).toMatchObject({ entries });
    });
  });

  test('edit sends the new body once, however often it is submitted', async () => {
    const { orderId, messageId } = await failedOrder();
    const { rows } = await system.orderDatabase.pool.query(
      `SELECT payload FROM outbox WHERE message_id = $1`,
      [messageId],
    );
    const body = { ...JSON.parse(rows[0].payload), note: 'repaired' };
    const first = await call('POST', `/${messageId}/edit`, { body });
    expect(first).toMatchObject({
      status: 200,
      body: { action: 'edit', messageId, replacedBy: expect.any(String) },
    });
    expect(first.body.original?.body).toBe(rows[0].payload);
    await orders.becomes(orderId, 'completed');
    expect(await call('POST', `/${messageId}/edit`, { body, operator: 'bob' })).toEqual(first);
    expect((await sandbox.movements(orderId)).filter((movement) => movement.startsWith('captured'))).toEqual([
      'captured 700',
    ]);
  });

  test('edit says what is wrong with the new body', async () => {
    const { messageId, body } = await bury(publisher);
    const content = JSON.parse(body.toString());
    const edits = [
      { ...content, data: {} },
      { ...content, type: 'nothing.v1' },
      { ...content, subject: newId() },
    ];
    const answers = await Promise.all(
      edits.map((edit) => call('POST', `/${messageId}/edit`, { body: edit })),
    );
    expect(answers.map(({ status, body: { code } }) => [status, code])).toEqual([
      [422, 'MALFORMED_MESSAGE'],
      [422, 'UNSUPPORTED_MESSAGE'],
      [422, 'EDIT_REFUSED'],
    ]);
  });

  test('discard wants a reason, and keeps what it removes', async () => {
    const { messageId, body } = await bury(publisher);
    expect(await call('POST', `/${messageId}/discard`, { body: {} })).toMatchObject({ status: 400 });
    expect(await call('POST', `/${messageId}/discard`, { body: { reason: 'sent twice' } })).toMatchObject({
      status: 200,
      body: {
        action: 'discard',
        reason: 'sent twice',
        original: { body: body.toString(), encoding: 'utf8' },
      },
    });
    expect(await system.broker.count(deadLetterQueue)).toBe(0);
  });

  test('none acts without an operator, and none on what is not there', async () => {
    const posts: [string, unknown?][] = [
      ['/nobody/replay'],
      ['/nobody/edit', {}],
      ['/nobody/discard', { reason: 'none' }],
      ['/replays', { selection: {} }],
      [`/replays/${newId()}/stop`],
      [`/replays/${newId()}/resume`],
    ];
    for (const [path, body] of posts) {
      expect(await call('POST', path, { body, operator: null })).toMatchObject({
        status: 400,
        body: { code: 'VALIDATION_FAILED', errors: [{ field: 'x-operator' }] },
      });
    }
    const missing = posts.filter(([path]) => !['/nobody/edit', '/replays'].includes(path));
    const answers = await Promise.all(missing.map(([path, body]) => call('POST', path, { body })));
    expect(answers.map(({ status, body: { code } }) => [status, code])).toEqual([
      [404, 'MESSAGE_NOT_FOUND'],
      [404, 'MESSAGE_NOT_FOUND'],
      [404, 'REPLAY_RUN_NOT_FOUND'],
      [404, 'REPLAY_RUN_NOT_FOUND'],
    ]);
  });
});

describe('POST /dead-letters/replays', () => {
  /** Not the replies about letters of no order, which the order-service cannot use. */
  const selection = { queues: [deadLetterQueue] };

  test('replays a selection in the background and shows how far it is', async () => {
    const ids = await burySome(5);
    const begun = await call('POST', '/replays', {
      body: { selection: { ids: ids.slice(1, 4) }, ratePerSecond: 1_000 },
    });
    const { id } = begun.body;
    expect(begun).toMatchObject({
      status: 202,
      location: `/dead-letters/replays/${id}`,
      body: { status: 'running', operator: 'alice', replayed: 0, selection: { ids: ids.slice(1, 4) } },
    });
    expect(await ended(id)).toMatchObject({ status: 'finished', replayed: 3, reason: null });
    expect((await call('GET', '/replays')).body.items[0]).toMatchObject({ id, status: 'finished' });
    expect((await call('GET', `/actions?replayId=${id}`)).body.items).toHaveLength(3);
    expect(await system.broker.count(deadLetterQueue)).toBe(2);
  });

  test('refuses a selection or a rate that makes no sense', async () => {
    const bodies = [
      {},
      { selection: { ids: [] } },
      { selection: { colour: 'red' } },
      { selection: { failedAfter: 'teatime' } },
      { selection: {}, ratePerSecond: 0 },
      { selection: {}, ratePerSecond: 1_001 },
    ];
    const answers = await Promise.all(bodies.map((body) => call('POST', '/replays', { body })));
    expect(answers.map(({ status }) => status)).toEqual(bodies.map(() => 400));
  });

  test('is stopped and resumed on request', async () => {
    await burySome(30);
    const { id } = (await call('POST', '/replays', { body: { selection, ratePerSecond: 2 } })).body;
    await eventually(async () => (await call('GET', `/replays/${id}`)).body.replayed > 0);
    expect(await call('POST', `/replays/${id}/resume`)).toMatchObject({
      status: 409,
      body: { code: 'REPLAY_RUN_CONFLICT', allowed: ['interrupted', 'stopped', 'halted'] },
    });
    const stopped = await call('POST', `/replays/${id}/stop`, { operator: 'bob' });
    expect(stopped).toMatchObject({ status: 200, body: { status: 'stopped', reason: 'stopped by bob' } });
    expect(await call('POST', `/replays/${id}/resume`)).toMatchObject({
      status: 202,
      body: { status: 'running' },
    });
    expect(await call('POST', `/replays/${id}/stop`)).toMatchObject({ status: 200 });
  });

  test('is left by a service that stops, and resumed only when somebody asks for it', async () => {
    await burySome(6);
    const { id } = (await call('POST', '/replays', { body: { selection, ratePerSecond: 1 } })).body;
    await eventually(async () => (await call('GET', `/replays/${id}`)).body.replayed > 0);
    expect(await system.stop('processor')).toEqual({ code: 0, signal: null });
    await system.start('processor');
    const { body: left } = await call('GET', `/replays/${id}`);
    expect(left).toMatchObject({ status: 'interrupted', endedAt: null });
    expect(left.replayed).toBeLessThan(6);
    expect(await system.broker.count(deadLetterQueue)).toBe(6 - left.replayed);
    await system.processorDatabase.pool.query('UPDATE replay_runs SET rate_per_second = 1000 WHERE id = $1', [
      id,
    ]);
    expect((await call('POST', `/replays/${id}/resume`)).status).toBe(202);
    expect(await ended(id)).toMatchObject({ status: 'finished', replayed: 6 });
  });
});
