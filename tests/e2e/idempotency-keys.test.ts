import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createTestSystem, orderBody, type TestSystem } from '../support/system.ts';

/** Nobody processes these orders: that they are accepted once is the subject. */
let system: TestSystem;
let replica: string;

beforeAll(async () => {
  system = await createTestSystem({ services: ['order'] });
  replica = (await system.startReplica('order')).url;
});
afterAll(() => system?.dispose());

interface Reply {
  readonly status: number;
  readonly replayed: string | null;
  readonly retryAfter: string | null;
  readonly body: Record<string, unknown>;
}

async function post(
  path: string,
  options: { key?: string; body?: unknown; baseUrl?: string } = {},
): Promise<Reply> {
  const { key, body = {}, baseUrl = system.urls.order } = options;
  const response = await fetch(`${baseUrl}${path}`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(key === undefined ? {} : { 'idempotency-key': key }),
    },
    body: JSON.stringify(body),
  });
  return {
    status: response.status,
    replayed: response.headers.get('idempotent-replayed'),
    retryAfter: response.headers.get('retry-after'),
    body: (await response.json()) as Record<string, unknown>,
  };
}

async function ordersOf(customerId: string): Promise<number> {
  const { rowCount } = await system.orderDatabase.pool.query('SELECT FROM orders WHERE customer_id = $1', [
    customerId,
  ]);
  return rowCount ?? 0;
}

describe('POST /orders with an Idempotency-Key', () => {
  test('places one order, and answers a repetition alike, through another process and with quotes as well', async () => {
    const [key, customerId] = [randomUUID(), randomUUID()];
    const body = orderBody({}, customerId);
    const first = await post('/orders', { key, body });
    expect(first).toMatchObject({ status: 201, replayed: null, body: { status: 'pending' } });
    const again = { ...first, replayed: 'true' };
    expect(await post('/orders', { key, body })).toEqual(again);
    expect(await post('/orders', { key: `"${key}"`, body, baseUrl: replica })).toEqual(again);
    expect(await ordersOf(customerId)).toBe(1);
  });

  test('places one order of twenty requests at once', async () => {
    const [key, customerId] = [randomUUID(), randomUUID()];
    const body = orderBody({}, customerId);
    const replies = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        post('/orders', { key, body, ...(index % 2 === 0 ? {} : { baseUrl: replica }) }),
      ),
    );
    expect(await ordersOf(customerId)).toBe(1);
    const placed = replies.filter(({ status }) => status === 201);
    expect(placed.filter(({ replayed }) => replayed === null)).toHaveLength(1);
    expect(new Set(placed.map((reply) => reply.body['id'])).size).toBe(1);
    for (const reply of replies.filter(({ status }) => status !== 201)) {
      expect(reply).toMatchObject({
        status: 409,
        retryAfter: '1',
        body: { code: 'IDEMPOTENCY_KEY_IN_USE' },
      });
    }
  });

  test('is refused for another order', async () => {
    const [key, customerId] = [randomUUID(), randomUUID()];
    await post('/orders', { key, body: orderBody({}, customerId) });
    expect(await post('/orders', { key, body: orderBody({ quantity: 2 }, customerId) })).toMatchObject({
      status: 422,
      replayed: null,
      body: { code: 'IDEMPOTENCY_KEY_REUSED' },
    });
    expect(await ordersOf(customerId)).toBe(1);
  });

  test.each(['', ' ', '""', 'ä', 'a b', 'x'.repeat(256)])('is refused if the key is %j', async (key) => {
    expect(await post('/orders', { key: encodeKey(key), body: orderBody() })).toMatchObject({
      status: 400,
      body: { code: 'VALIDATION_FAILED', errors: [{ field: 'idempotency-key' }] },
    });
  });

  test('does not keep what was wrong with a request: it may come again corrected', async () => {
    const key = randomUUID();
    expect(await post('/orders', { key, body: {} })).toMatchObject({ status: 400 });
    expect(await post('/orders', { key, body: orderBody() })).toMatchObject({ status: 201, replayed: null });
  });

  test('finds the order after the process died before it could answer', async () => {
    const [key, customerId] = [randomUUID(), randomUUID()];
    const body = orderBody({}, customerId);
    await system.stop('order');
    const armed = await system.startArmed('order', 'place-order.after-commit');
    await expect(post('/orders', { key, body })).rejects.toThrow('fetch failed');
    expect(await Promise.race([armed.exited, delay(20_000, 'still alive', { ref: false })])).toMatchObject({
      signal: 'SIGKILL',
    });
    await system.start('order');
    expect(await post('/orders', { key, body })).toMatchObject({ status: 201, replayed: 'true' });
    expect(await ordersOf(customerId)).toBe(1);
  });
});

describe('commands with an Idempotency-Key', () => {
  test('are answered as they were, refusals included', async () => {
    const { body: order } = await post('/orders', { body: orderBody() });
    const path = `/orders/${String(order['id'])}`;
    const [cancel, refund] = [randomUUID(), randomUUID()];
    const refused = await post(`${path}/refund`, { key: refund });
    expect(refused).toMatchObject({ status: 409, replayed: null });
    const accepted = await post(`${path}/cancel`, { key: cancel });
    expect(accepted).toMatchObject({ status: 202, replayed: null, body: { version: 2 } });

    expect(await post(`${path}/cancel`, { key: cancel })).toEqual({ ...accepted, replayed: 'true' });
    const again = await post(`${path}/refund`, { key: refund });
    expect(again).toMatchObject({ status: 409, replayed: 'true' });
    const { code, detail, allowed } = refused.body;
    expect(again.body).toMatchObject({ code, detail, allowed });
  });

  test('are other requests for other orders', async () => {
    const [one, two] = await Promise.all([1, 2].map(() => post('/orders', { body: orderBody() })));
    const key = randomUUID();
    expect(await post(`/orders/${String(one?.body['id'])}/cancel`, { key })).toMatchObject({ status: 202 });
    expect(await post(`/orders/${String(two?.body['id'])}/cancel`, { key })).toMatchObject({
      status: 422,
      body: { code: 'IDEMPOTENCY_KEY_REUSED' },
    });
  });
});

/** As the bytes of UTF-8, because a header is made of bytes. */
function encodeKey(key: string): string {
  return Buffer.from(key).toString('latin1');
}
