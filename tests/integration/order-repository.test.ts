import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  type OrderChanges,
  type ReceivedMessage,
  recordedEvent,
} from '#order-service/application/ports/order-repository.ts';
import { createReadOrders } from '#order-service/application/read-orders.ts';
import type { OrderState } from '#order-service/domain/order.ts';
import { evolve, type OrderEvent } from '#order-service/domain/order-events.ts';
import { anonymous } from '#shared/auth/caller.ts';
import { newId } from '#shared/kernel/ids.ts';
import { newTraceparent } from '#shared/observability/trace-context.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { type OpenOrderRepository, openOrderRepository, placementOf } from './support/orders.ts';

let database: TestDatabase;
let one: OpenOrderRepository;
let other: OpenOrderRepository;

beforeAll(async () => {
  database = await createTestDatabase('order');
  one = openOrderRepository(database.url);
  other = openOrderRepository(database.url);
});
afterAll(async () => {
  await Promise.all([one.close(), other.close()]);
  await database.drop();
});

/** How many rows each table has about these orders. */
async function rowsAbout(...orderIds: string[]): Promise<Record<string, number>> {
  const { rows } = await database.pool.query<{ name: string; count: number }>(
    `SELECT 'orders' AS name, count(*)::int FROM orders WHERE id = ANY ($1)
     UNION ALL SELECT 'items', count(*)::int FROM order_items WHERE order_id = ANY ($1)
     UNION ALL SELECT 'history', count(*)::int FROM order_events WHERE order_id = ANY ($1)
     UNION ALL SELECT 'inbox', count(*)::int FROM inbox WHERE order_id = ANY ($1)
     UNION ALL SELECT 'outbox', count(*)::int FROM outbox WHERE order_id = ANY ($1)`,
    [orderIds],
  );
  return Object.fromEntries(rows.map(({ name, count }) => [name, count]));
}

const nothing = { orders: 0, items: 0, history: 0, inbox: 0, outbox: 0 };

describe('placing orders', () => {
  test('stores fifty that come at once, whole, and in a few commits', async () => {
    const placements = Array.from({ length: 50 }, () => placementOf());
    await Promise.all(placements.map((placement) => one.orders.place(placement)));
    const ids = placements.map(({ order }) => order.id);
    expect(await rowsAbout(...ids)).toEqual({ orders: 50, items: 50, history: 50, inbox: 0, outbox: 50 });
    const { rows } = await database.pool.query('SELECT DISTINCT xmin FROM orders WHERE id = ANY ($1)', [ids]);
    expect(rows.length).toBeLessThanOrEqual(5);
  });

  test('gives back what was placed', async () => {
    const { order } = placementOf({
      description: 'Frühstück "für zwei"\\',
      metadata: { quote: "it's", empty: '{}' },
      totalMinor: 9_007_199_254_740_991,
      items: [
        { sku: 'SKU-002', quantity: 1, unitPriceMinor: 9_007_199_254_740_991 },
        { sku: 'SKU-001', quantity: 5, unitPriceMinor: 0 },
      ],
    });
    await one.orders.place({ ...placementOf({ id: order.id }), order });
    expect(await other.orders.find(order.id)).toEqual(order);
  });

  test('refuses the bad ones of a set alone', async () => {
    const good = Array.from({ length: 20 }, () => placementOf());
    const bad = [placementOf({ currency: 'EURO' }), placementOf({ totalMinor: 2 ** 64 }), good[7]!];
    const placements = [...good.slice(0, 10), ...bad, ...good.slice(10)];
    const outcomes = await Promise.allSettled(placements.map((placement) => one.orders.place(placement)));
    // Of the one that was placed twice, the first copy was there first.
    const expected = placements.map((_, index) => (index >= 10 && index < 13 ? 'rejected' : 'fulfilled'));
    expect(outcomes.map(({ status }) => status)).toEqual(expected);
    expect(await rowsAbout(...good.map(({ order }) => order.id))).toEqual({
      orders: 20,
      items: 20,
      history: 20,
      inbox: 0,
      outbox: 20,
    });
    expect(await rowsAbout(bad[0]!.order.id, bad[1]!.order.id)).toEqual(nothing);
  });

  test('stores nothing of an order one part of which is refused', async () => {
    const brokenHistory = placementOf();
    const brokenAnnouncement = placementOf();
    const brokenItem = placementOf({ items: [{ sku: 'SKU-001', quantity: 2 ** 40, unitPriceMinor: 1 }] });
    const broken = [
      { ...brokenHistory, history: { ...brokenHistory.history, version: 2 ** 40 } },
      {
        ...brokenAnnouncement,
        announcement: { ...brokenAnnouncement.announcement, message_id: 'no uuid' },
      },
      brokenItem,
    ];
    for (const placement of broken) {
      await expect(one.orders.place(placement)).rejects.toMatchObject({ code: 'INTERNAL' });
      expect(await rowsAbout(placement.order.id)).toEqual(nothing);
    }
  });
});

/** One more event in an order's history. */
function onward(order: OrderState, event: OrderEvent): Omit<OrderChanges<number>, 'received'> {
  const next = evolve(order, event, new Date());
  const cause = { actor: 'test', correlationId: newId(), traceparent: newTraceparent() };
  return {
    orders: [next],
    history: [recordedEvent(next, event, cause)],
    result: next.version,
  };
}

function receiptOf(orderId: string, messageId = newId(), outcome = 'applied'): ReceivedMessage {
  return { messageId, orderId, type: 'order.reserved.v1', sequence: 1, outcome, at: new Date() };
}

const reserved: OrderEvent = { type: 'reserved', data: { run: 0 } };

async function place(): Promise<string> {
  const placement = placementOf();
  await one.orders.place(placement);
  return placement.order.id;
}

describe('changing orders', () => {
  test('stores state, history and inbox together', async () => {
    const id = await place();
    const version = await one.orders.change([id], (found) => ({
      ...onward(found.get(id)!, reserved),
      received: [receiptOf(id)],
    }));
    expect(version).toBe(2);
    expect(await one.orders.find(id)).toMatchObject({ status: 'reserved', version: 2 });
    expect(await rowsAbout(id)).toEqual({ orders: 1, items: 1, history: 2, inbox: 1, outbox: 1 });
  });

  test.each<[string, (order: OrderState) => OrderChanges<unknown>]>([
    ['inbox', (order) => ({ ...onward(order, reserved), received: [receiptOf(order.id, 'no uuid')] })],
    [
      'history',
      (order) => {
        const change = onward(order, reserved);
        return {
          ...change,
          history: [{ ...change.history[0]!, version: 1 }],
          received: [receiptOf(order.id)],
        };
      },
    ],
    [
      'state',
      (order) => {
        const change = onward(order, reserved);
        return { ...change, orders: [{ ...order, version: 2 ** 40 }], received: [receiptOf(order.id)] };
      },
    ],
    [
      'decision',
      () => {
        throw new Error('no');
      },
    ],
  ])('leaves nothing behind when one part fails: %s', async (_, decide) => {
    const id = await place();
    await expect(one.orders.change([id], (found) => decide(found.get(id)!))).rejects.toMatchObject({
      code: 'INTERNAL',
    });
    expect(await one.orders.find(id)).toMatchObject({ status: 'pending', version: 1 });
    expect(await rowsAbout(id)).toEqual({ orders: 1, items: 1, history: 1, inbox: 0, outbox: 1 });
  });

  test('keeps the first record of a message that comes twice, also within a set', async () => {
    const id = await place();
    const messageId = newId();
    for (const outcomes of [['applied', 'ignored: duplicate'], ['ignored: once more']]) {
      await one.orders.change([id], () => ({
        orders: [],
        history: [],
        received: outcomes.map((outcome) => receiptOf(id, messageId, outcome)),
        result: undefined,
      }));
    }
    const { rows } = await database.pool.query('SELECT outcome FROM inbox WHERE message_id = $1', [
      messageId,
    ]);
    expect(rows).toEqual([{ outcome: 'applied' }]);
  });

  test('lets concurrent changes of one order happen one after the other', async () => {
    const id = await place();
    const versions = await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        [one, other][index % 2]!.orders.change([id], (found) => ({
          ...onward(found.get(id)!, reserved),
          received: [receiptOf(id)],
        })),
      ),
    );
    expect(versions.sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, index) => index + 2));
    expect(await one.orders.find(id)).toMatchObject({ version: 51 });
    expect(await rowsAbout(id)).toMatchObject({ history: 51, inbox: 50 });
  });

  test('does not deadlock when sets name the same orders in different order', async () => {
    const ids = await Promise.all(Array.from({ length: 10 }, place));
    const shuffled = (): string[] => ids.toSorted(() => Math.random() - 0.5);
    await Promise.all(
      Array.from({ length: 60 }, (_, index) =>
        [one, other][index % 2]!.orders.change(shuffled(), (found) => ({
          orders: [...found.values()].map((order) => evolve(order, reserved, new Date())),
          history: [],
          received: [],
          result: undefined,
        })),
      ),
    );
    for (const id of ids) expect(await one.orders.find(id)).toMatchObject({ version: 61 });
    // Counted when a session ends.
    await Promise.all([one.close(), other.close()]);
    one = openOrderRepository(database.url);
    other = openOrderRepository(database.url);
    const { rows } = await database.pool.query(
      'SELECT deadlocks::int FROM pg_stat_database WHERE datname = current_database()',
    );
    expect(rows).toEqual([{ deadlocks: 0 }]);
  });
});

describe('reading orders', () => {
  test('pages through the orders of a customer, newest first, without gap or repetition', async () => {
    const customerId = newId();
    const ids: string[] = [];
    for (let index = 0; index < 7; index += 1) {
      const placement = placementOf({ customerId });
      ids.unshift(placement.order.id);
      await one.orders.place(placement);
    }
    const readOrders = createReadOrders({ orders: other.orders });
    const seen: string[][] = [];
    let cursor: string | undefined;
    do {
      const page = await readOrders.list({ customerId, status: 'pending', limit: 3, cursor }, anonymous);
      seen.push(page.items.map(({ id }) => id));
      cursor = page.nextCursor;
    } while (cursor !== undefined);
    expect(seen).toEqual([ids.slice(0, 3), ids.slice(3, 6), ids.slice(6)]);
    const failed = await readOrders.list({ customerId, status: 'failed', limit: 3 }, anonymous);
    expect(failed.items).toEqual([]);
  });

  test('tells the story of an order from the first request on', async () => {
    const id = await place();
    await one.orders.change([id], (found) => ({
      ...onward(found.get(id)!, reserved),
      received: [receiptOf(id)],
    }));
    expect(await storyOf(id)).toEqual([
      'history placed',
      'history reserved',
      'received order.reserved.v1',
      'waiting order.created.v1',
    ]);
    await database.pool.query('UPDATE outbox SET published_at = now() WHERE order_id = $1', [id]);
    expect(await storyOf(id)).toContain('published order.created.v1');
    const times = (await other.orders.timeline(id)).map(({ at }) => at.getTime());
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    expect(await other.orders.timeline(newId())).toEqual([]);
  });

  test('is not possible just now, rather than wrong, when the database ends the session', async () => {
    const holding = await database.pool.connect();
    await holding.query('BEGIN');
    await holding.query('LOCK TABLE orders');
    const reading = expect(one.orders.find(newId())).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
    await eventually(async () => {
      const { rowCount } = await database.pool.query(
        `SELECT pg_terminate_backend(pid) FROM pg_locks WHERE relation = 'orders'::regclass AND NOT granted`,
      );
      if (rowCount === 0) throw new Error('nobody waits');
    });
    await reading;
    await holding.query('ROLLBACK');
    holding.release();
  });
});

async function storyOf(id: string): Promise<string[]> {
  return (await other.orders.timeline(id)).map(({ kind, type }) => `${kind} ${type}`).sort();
}
