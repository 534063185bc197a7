import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { createAwaitedOrders } from '#order-service/infrastructure/postgres/awaited-orders.ts';
import { firstIdAt } from '#shared/kernel/ids.ts';
import { createRepeatMessages } from '#shared/outbox/repeat-messages.ts';
import { countBacklog } from '#shared/outbox/sql.ts';
import { createPool } from '#shared/postgres/pool.ts';
import { query } from '#shared/postgres/statement.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { testLogger } from './support/logger.ts';
import { type OpenOrderRepository, openOrderRepository, placementOf } from './support/orders.ts';

const overdueMs = 60_000;
const first = firstIdAt(0);
let database: TestDatabase;
let repository: OpenOrderRepository;

beforeAll(async () => {
  database = await createTestDatabase('order');
  repository = openOrderRepository(database.url);
});
afterAll(async () => {
  await repository?.close();
  await database?.drop();
});
beforeEach(async () => {
  await database.pool.query('TRUNCATE orders, order_items, order_events, outbox CASCADE');
});

interface Announcement {
  readonly repeatedMinutesAgo?: number;
  /** As soon as it was there, if nothing else is said. */
  readonly publishedMinutesAgo?: number;
  readonly isPublished?: boolean;
}

/** Places an order that last changed, and was announced, so many minutes ago. */
async function place(
  minutesAgo: number,
  overrides: Parameters<typeof placementOf>[0] = {},
  {
    repeatedMinutesAgo,
    publishedMinutesAgo = repeatedMinutesAgo ?? minutesAgo,
    isPublished = true,
  }: Announcement = {},
): Promise<string> {
  const placement = placementOf(overrides);
  await repository.orders.place(placement);
  const { id } = placement.order;
  const { pool } = database;
  const ago = (parameter: string): string => `now() - ${parameter}::float8 * interval '1 minute'`;
  const { cancellation = null, refunds = [], paymentRequested = false } = overrides;
  await pool.query(
    `UPDATE orders SET updated_at = ${ago('$2')}, cancellation = $3, refunds = $4, payment_requested = $5
     WHERE id = $1`,
    [id, minutesAgo, JSON.stringify(cancellation), JSON.stringify(refunds), paymentRequested],
  );
  await pool.query(
    `UPDATE outbox SET created_at = ${ago('$2')}, repeated_at = ${ago('$3')},
       published_at = ${ago('$4')} WHERE order_id = $1`,
    [id, minutesAgo, repeatedMinutesAgo, isPublished ? publishedMinutesAgo : null],
  );
  return id;
}

const next = (options: { after?: string; until?: string; limit?: number } = {}) =>
  createAwaitedOrders({ pool: database.pool }).next({
    after: first,
    until: firstIdAt(Date.now() + 1_000),
    limit: 100,
    overdueMs,
    ...options,
  });

const dueOnes = async () => (await next()).filter(({ isDue }) => isDue).map(({ id }) => id);

const refund = { id: 'refund-1', amountMinor: 100, reason: 'broken' };
const requested = { status: 'requested', reason: 'changed my mind' } as const;
const manual = { payment: 'manual', status: 'reserved' } as const;

describe('an order is due', () => {
  test.each<[string, Parameters<typeof placementOf>[0]]>([
    ['that nobody has taken up', {}],
    ['that has not ended', { status: 'paid' }],
    ['whose payment was asked for', { ...manual, paymentRequested: true }],
    ['that is to be cancelled', { ...manual, cancellation: requested }],
    ['that is to be cancelled, completed already', { status: 'completed', cancellation: requested }],
    ['that is to be refunded', { status: 'completed', refunds: [{ ...refund, status: 'requested' }] }],
  ])('%s', async (_, overrides) => {
    const id = await place(2, overrides);
    expect(await dueOnes()).toEqual([id]);
  });

  test.each<[string, Parameters<typeof place>]>([
    ['that has just changed', [0.5]],
    ['whose announcement is still on its way', [2, {}, { isPublished: false }]],
    ['whose announcement had to wait for the broker', [2, {}, { publishedMinutesAgo: 0.5 }]],
    ['that waits for its customer', [2, manual]],
    ['that has ended', [2, { status: 'completed' }]],
    ['whose wishes are answered', [2, { status: 'completed', refunds: [{ ...refund, status: 'rejected' }] }]],
    ['that was asked about again', [2, {}, { repeatedMinutesAgo: 0.5 }]],
    ['that was asked about again after twice as long', [10, {}, { repeatedMinutesAgo: 4 }]],
  ])('but not one %s', async (_, order) => {
    await place(...order);
    expect(await dueOnes()).toEqual([]);
  });

  test('again once it has waited as long as before', async () => {
    const id = await place(10, {}, { repeatedMinutesAgo: 6 });
    expect(await dueOnes()).toEqual([id]);
  });

  test('no more when nothing is left to be said', async () => {
    await place(2);
    await database.pool.query('DELETE FROM outbox');
    expect(await dueOnes()).toEqual([]);
  });
});

test('awaited orders come page by page, by id, each once', async () => {
  const ids = [
    await place(2),
    await place(2, { status: 'completed', cancellation: requested }),
    await place(2, { status: 'reserved', cancellation: requested }),
    await place(2, { status: 'paid' }),
    await place(2),
  ];
  const later = await place(2);
  const seen: string[] = [];
  for (let after = first; ; ) {
    const page = await next({ after, until: later, limit: 2 });
    if (page.length === 0) break;
    seen.push(...page.map(({ id }) => id));
    after = seen.at(-1) ?? first;
  }
  expect(seen).toEqual(ids);
});

test('what is repeated goes out once more, and waits no longer than since then', async () => {
  const { pool } = database;
  const [asked, other] = [await place(2, {}, { publishedMinutesAgo: 0.5 }), await place(2)];
  let woken = 0;
  const service = createPool({
    url: database.url,
    applicationName: 'test',
    maxConnections: 1,
    logger: testLogger,
  });
  const repeat = createRepeatMessages({ pool: service, wakeRelay: () => void (woken += 1) });
  expect(await repeat([asked], 60_000)).toBe(0);
  expect(woken).toBe(0);
  expect(await repeat([asked], 0)).toBe(1);
  expect(await repeat([asked], 0)).toBe(0);
  expect(woken).toBe(1);
  const { rows } = await pool.query('SELECT order_id FROM outbox WHERE published_at IS NULL');
  expect(rows).toEqual([{ order_id: asked }]);
  const [backlog] = await query<{ messages: number; oldestSeconds: number }>(pool, countBacklog, []);
  expect(backlog?.messages).toBe(1);
  expect(backlog?.oldestSeconds).toBeLessThan(60);
  expect(await dueOnes()).toEqual([other]);
  await service.end();
});
