import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createChangeOrder } from '#order-service/application/change-order.ts';
import { createPlaceOrder } from '#order-service/application/place-order.ts';
import type { IdempotencyRecord } from '#order-service/application/ports/idempotency-records.ts';
import { anonymous } from '#shared/auth/caller.ts';
import { noFailpoints } from '#shared/kernel/failpoints.ts';
import { newId } from '#shared/kernel/ids.ts';
import { newTraceparent } from '#shared/observability/trace-context.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { type OpenOrderRepository, openOrderRepository, placementOf } from './support/orders.ts';

let database: TestDatabase;
/** Two processes of the service. */
let replicas: OpenOrderRepository[];

beforeAll(async () => {
  database = await createTestDatabase('order');
  replicas = [openOrderRepository(database.url), openOrderRepository(database.url)];
});
afterAll(async () => {
  await Promise.all(replicas.map((replica) => replica.close()));
  await database.drop();
});

const through = (index: number) => replicas[index % replicas.length] as OpenOrderRepository;
const parts = { clock: () => new Date(), failpoint: noFailpoints, announce: () => {} };
const newOrder = (customerId: string) => ({
  customerId,
  currency: 'EUR',
  items: [{ sku: 'SKU-001', quantity: 1, unitPriceMinor: 100, currency: 'EUR' }],
  description: null,
  metadata: {},
  payment: 'automatic' as const,
});

function place(index: number, customerId: string, key?: string) {
  const { orders, runOnce } = through(index);
  const cause = { correlationId: newId(), traceparent: newTraceparent() };
  const once = key === undefined ? undefined : { caller: 'ada', key };
  return createPlaceOrder({ orders, runOnce, ...parts })(newOrder(customerId), cause, anonymous, once);
}

function change(index: number, orderId: string, type: 'cancel' | 'pay', key: string) {
  const { orders, runOnce } = through(index);
  const command = type === 'cancel' ? { type, reason: '' } : { type };
  return createChangeOrder({ orders, runOnce, ...parts })({
    orderId,
    command,
    caller: anonymous,
    cause: { correlationId: newId(), traceparent: newTraceparent() },
    isExpected: () => true,
    once: { caller: 'ada', key },
  });
}

async function countOf(table: string, column: string, value: string): Promise<number> {
  const { rows } = await database.pool.query<{ count: number }>(
    `SELECT count(*)::int AS count FROM ${table} WHERE ${column}::text = $1`,
    [value],
  );
  return rows[0]?.count ?? 0;
}

/** What is stored about the orders of a customer. */
async function storedFor(customerId: string): Promise<Record<string, number>> {
  const { rows } = await database.pool.query<{ id: string }>('SELECT id FROM orders WHERE customer_id = $1', [
    customerId,
  ]);
  const sum = async (table: string) => {
    const counts = await Promise.all(rows.map(({ id }) => countOf(table, 'order_id', id)));
    return counts.reduce((total, count) => total + count, 0);
  };
  return {
    orders: rows.length,
    items: await sum('order_items'),
    history: await sum('order_events'),
    outbox: await sum('outbox'),
  };
}

function recordOf(key: string, more: Partial<IdempotencyRecord> = {}): IdempotencyRecord {
  const createdAt = new Date();
  const expiresAt = new Date(createdAt.getTime() + 60_000);
  const outcome = { error: { code: 'ORDER_NOT_FOUND', kind: 'rejected', message: 'no', data: {} } } as const;
  return {
    caller: 'ada',
    operation: 'cancel',
    key,
    fingerprint: 'f',
    outcome,
    createdAt,
    expiresAt,
    ...more,
  };
}

describe('orders with an idempotency key', () => {
  test('twenty requests at once through two processes make one order, and get it or are told to wait', async () => {
    const [customerId, key] = [newId(), newId()];
    const outcomes = await Promise.allSettled(
      Array.from({ length: 20 }, (_, index) => place(index, customerId, key)),
    );
    expect(await storedFor(customerId)).toEqual({ orders: 1, items: 1, history: 1, outbox: 1 });
    const answers = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
    expect(answers.filter(({ replayed }) => !replayed)).toHaveLength(1);
    expect(new Set(answers.map(({ order }) => JSON.stringify(order))).size).toBe(1);
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') {
        expect(outcome.reason).toMatchObject({ code: 'IDEMPOTENCY_KEY_IN_USE' });
      }
    }
    expect(await place(1, customerId, key)).toEqual({ order: answers[0]?.order, replayed: true });
  });

  test('a key that is taken keeps none of those out that are stored in the same breath', async () => {
    const key = newId();
    await place(0, newId(), key);
    const others = Array.from({ length: 30 }, () => newId());
    const [taken, ...placed] = await Promise.allSettled([
      place(1, 'somebody else', key),
      ...others.map((customerId, index) => place(1, customerId, index % 2 === 0 ? newId() : undefined)),
    ]);
    expect(taken).toMatchObject({ status: 'rejected', reason: { code: 'IDEMPOTENCY_KEY_REUSED' } });
    expect(placed.map(({ status }) => status)).toEqual(others.map(() => 'fulfilled'));
    for (const customerId of others) {
      expect(await storedFor(customerId)).toEqual({ orders: 1, items: 1, history: 1, outbox: 1 });
    }
    expect(await storedFor('somebody else')).toEqual({ orders: 0, items: 0, history: 0, outbox: 0 });
  });

  test('a key that has expired stands for the next request', async () => {
    const key = newId();
    const past = new Date(Date.now() - 1);
    await through(0).records.add(recordOf(key, { operation: 'create', expiresAt: past }));
    const customerId = newId();
    expect(await place(0, customerId, key)).toMatchObject({ replayed: false });
    expect(await place(1, customerId, key)).toMatchObject({ replayed: true });
  });

  test('sets that share keys in opposite order do not wait for each other in a circle', async () => {
    const keys = Array.from({ length: 40 }, () => newId());
    const customerId = newId();
    await Promise.allSettled([
      ...keys.map((key) => place(0, customerId, key)),
      ...keys.toReversed().map((key) => place(1, customerId, key)),
    ]);
    expect(await storedFor(customerId)).toEqual({ orders: 40, items: 40, history: 40, outbox: 40 });
  });
});

describe('commands with an idempotency key', () => {
  test('are answered with the order as it was then, whatever happened since', async () => {
    const { order } = await place(0, newId());
    const key = newId();
    const first = await change(0, order.id, 'cancel', key);
    expect(first).toMatchObject({ replayed: false, order: { version: 2 } });
    await database.pool.query('UPDATE orders SET version = 9 WHERE id = $1', [order.id]);
    expect(await change(1, order.id, 'cancel', key)).toEqual({ order: first.order, replayed: true });
    await expect(change(1, newId(), 'cancel', key)).rejects.toMatchObject({ code: 'IDEMPOTENCY_KEY_REUSED' });
  });

  test('are refused again as they were, although the order would allow them by now', async () => {
    const [orderId, key] = [newId(), newId()];
    await expect(change(0, orderId, 'cancel', key)).rejects.toMatchObject({ code: 'ORDER_NOT_FOUND' });
    const placement = placementOf({ id: orderId });
    await through(0).orders.place(placement);
    await expect(change(1, orderId, 'cancel', key)).rejects.toMatchObject({
      code: 'ORDER_NOT_FOUND',
      data: { replayed: true },
    });
    expect(await change(1, orderId, 'cancel', newId())).toMatchObject({ replayed: false });
  });

  test('may have a key that has expired', async () => {
    const [{ order }, key] = [await place(0, newId()), newId()];
    await through(0).records.add(recordOf(key, { expiresAt: new Date(Date.now() - 1) }));
    expect(await change(0, order.id, 'cancel', key)).toMatchObject({
      replayed: false,
      order: { version: 2 },
    });
    expect(await change(1, order.id, 'cancel', key)).toMatchObject({ replayed: true });
  });

  test('that change nothing keep their answer, too', async () => {
    const { order } = await place(0, newId());
    await change(0, order.id, 'cancel', newId());
    const key = newId();
    expect(await change(0, order.id, 'cancel', key)).toMatchObject({
      replayed: false,
      order: { version: 2 },
    });
    expect(await change(1, order.id, 'cancel', key)).toMatchObject({ replayed: true, order: { version: 2 } });
  });

  test('of one key for two orders change one of them', async () => {
    const placed = await Promise.all([place(0, newId()), place(1, newId())]);
    const key = newId();
    const outcomes = await Promise.allSettled(
      placed.map(({ order }, index) => change(index, order.id, 'cancel', key)),
    );
    expect(outcomes.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    const versions = await Promise.all(placed.map(({ order }) => through(0).orders.find(order.id)));
    expect(versions.map((order) => order?.version ?? 0).toSorted((a, b) => a - b)).toEqual([1, 2]);
  });
});

test('expired keys are deleted, the oldest first, and others are not', async () => {
  const { records } = through(0);
  const past = (minutes: number) => new Date(Date.now() - minutes * 60_000);
  const [old, older, young] = [newId(), newId(), newId()];
  await records.add(recordOf(old, { createdAt: past(9), expiresAt: past(1) }));
  await records.add(recordOf(older, { createdAt: past(9), expiresAt: past(2) }));
  await records.add(recordOf(young));
  await database.pool.query(
    `DELETE FROM idempotency_keys WHERE expires_at <= now() AND key NOT IN ($1, $2)`,
    [old, older],
  );
  expect(await records.deleteExpired(new Date(), 1)).toBe(1);
  expect(await countOf('idempotency_keys', 'key', older)).toBe(0);
  expect(await records.deleteExpired(new Date(), 10)).toBe(1);
  expect(await countOf('idempotency_keys', 'key', young)).toBe(1);
});
