import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createAudit as createOrderAudit } from '#order-service/audit/container.ts';
import { parseConfig as parseOrderConfig } from '#order-service/config.ts';
import { createAudit as createProcessorAudit } from '#processor-service/audit/container.ts';
import { parseConfig as parseProcessorConfig } from '#processor-service/config.ts';
import { systemClock } from '#shared/kernel/clock.ts';
import { metricsRegistry } from '#shared/metrics/registry.ts';
import { createPool } from '#shared/postgres/pool.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { testLogger } from './support/logger.ts';

/** With history, messages and items that makes a million rows in order_db. */
const orders = 100_000;
const ordersPerRun = 400;

/** The id of order number `i`, and when it was placed: one each 10 ms, the last one two hours ago. */
const twoHoursAgo = new Date(Date.now() - 7_200_000).toISOString();
const placedAt = `(timestamptz '${twoHoursAgo}' - (${orders} - i) * interval '10 milliseconds')`;
const idOf = `(lpad(to_hex((extract(epoch FROM ${placedAt}) * 1000)::bigint), 12, '0') || '70008000' || lpad(to_hex(i), 12, '0'))::uuid`;
const series = `(SELECT i, ${idOf} AS id, ${placedAt} AS at FROM generate_series(1, ${orders}) AS i) AS number`;

const orderRows = [
  `INSERT INTO orders (id, customer_id, status, currency, total_minor, paid_minor, version, processing_sequence,
                       event_sequence, created_at, updated_at)
   SELECT id, 'c' || i % 1000, 'completed', 'EUR', 100, 100, 4, 3, 1, at, at FROM ${series}`,
  `INSERT INTO order_items SELECT id, 1, 'SKU-001', 1, 100 FROM ${series}`,
  `INSERT INTO order_events
   SELECT id, version, (ARRAY['placed', 'reserved', 'paid', 'completed'])[version], '{}', 'test', '', '', at
   FROM ${series}, generate_series(1, 4) AS version`,
  `INSERT INTO inbox
   SELECT gen_random_uuid(), id, (ARRAY['order.reserved.v1', 'order.paid.v1', 'order.processed.v1'])[sequence],
          sequence, 'applied', at
   FROM ${series}, generate_series(1, 3) AS sequence`,
  `INSERT INTO outbox (message_id, order_id, shard, type, sequence, correlation_id, payload, created_at, published_at)
   SELECT gen_random_uuid(), id, 0, 'order.created.v1', 1, '', '{}', at, at FROM ${series}`,
];

const sagaRows = [
  `INSERT INTO stock VALUES ('SKU-001', 1000, 0, ${orders}, ${orders} + 1000, now())`,
  `INSERT INTO sagas (order_id, state, "order", message_id, correlation_id, traceparent, payment_id, event_sequence,
                      started_at, updated_at)
   SELECT id, 'completed', '{"orderId": "", "totalMinor": 100, "items": [{"sku": "SKU-001", "quantity": 1}]}',
          gen_random_uuid(), '', '', 'p', 3, at, at
   FROM ${series}`,
  `INSERT INTO reservations SELECT id, 'SKU-001', 1, 'shipped', at FROM ${series}`,
  `INSERT INTO outbox (message_id, order_id, shard, type, sequence, correlation_id, payload, created_at, published_at)
   SELECT gen_random_uuid(), id, 0, (ARRAY['order.reserved.v1', 'order.paid.v1', 'order.processed.v1'])[sequence],
          sequence, '', '{"data": {"run": 0, "status": "completed"}}', at, at
   FROM ${series}, generate_series(1, 3) AS sequence`,
];

const env = (url: string) => ({
  NODE_ENV: 'test',
  AUTH_MODE: 'off',
  AMQP_URL: 'amqp://localhost',
  PAYMENT_URL: 'http://localhost',
  WEBHOOK_SIGNING_KEY: 'A'.repeat(44),
  ORDER_DATABASE_URL: url,
  PROCESSOR_DATABASE_URL: url,
  AUDIT_ORDERS_PER_RUN: String(ordersPerRun),
});
const others = { isBrokerThere: () => true, clock: systemClock, logger: testLogger };

/** The audit of the service, with the rows of so many orders under it. */
const kinds = {
  order: {
    rows: orderRows,
    rowsPerOrder: 10,
    create: (url: string, pool: ReturnType<typeof openPool>) =>
      createOrderAudit({ config: parseOrderConfig(env(url)), pool, ...others }),
  },
  processor: {
    rows: sagaRows,
    rowsPerOrder: 5,
    create: (url: string, pool: ReturnType<typeof openPool>) =>
      createProcessorAudit({ config: parseProcessorConfig(env(url)), pool, ...others }),
  },
} as const;

const openPool = (url: string) =>
  createPool({ url, applicationName: 'audit', maxConnections: 1, logger: testLogger });

describe.each(['order', 'processor'] as const)('a run over %s_db with the rows of 100,000 orders', (kind) => {
  const { rows, rowsPerOrder, create } = kinds[kind];
  let database: TestDatabase;

  beforeAll(async () => {
    database = await createTestDatabase(kind);
    // Nothing here has to be held against anything while it is filled in.
    const fill = ['BEGIN', 'SET LOCAL session_replication_role = replica', ...rows, 'COMMIT'];
    await database.pool.query(fill.join(';\n'));
    await database.pool.query('ANALYZE');
  }, 300_000);
  afterAll(() => database?.drop());

  /** Rows that statements of other sessions have read in the tables of orders, once those sessions are gone. */
  async function rowsRead(): Promise<number> {
    const { rows: found } = await database.pool.query<{ read: number }>(`
      SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::int AS read
      FROM pg_stat_user_tables WHERE relname NOT LIKE 'audit%'`);
    return found[0]?.read ?? 0;
  }

  /** One run, in sessions of its own: what they have read is counted when they end. */
  async function runOnce(): Promise<{ checked: number; read: number; findings: unknown[]; sweep: unknown }> {
    metricsRegistry.clear();
    await database.pool.query(`UPDATE audit_progress SET started_at = 'epoch', finished_at = NULL`);
    const before = await rowsRead();
    const pool = openPool(database.url);
    const audit = create(database.url, pool);
    audit.start();
    const status = await eventually(
      async () => {
        const now = await audit.store.status(10);
        return now.finishedAt !== null && now;
      },
      { withinMs: 60_000, everyMs: 100 },
    );
    await audit.stop();
    await pool.end();
    const read = await eventually(async () => ((await rowsRead()) - before || false) as number);
    const { checked, findings, progress } = status;
    return { checked, read, findings: [...findings], sweep: progress['sweep']?.position };
  }

  test('reads no more than what is about the orders it looks at, goes on behind them, and finds nothing', async () => {
    const first = await runOnce();
    const second = await runOnce();
    expect([first.findings, second.findings]).toEqual([[], []]);
    expect(first.checked).toBeGreaterThanOrEqual(ordersPerRun / 4);
    expect(second.checked - first.checked).toBeLessThanOrEqual(ordersPerRun);
    // The index of what is next, the rows themselves, and the unpublished, the open and the stock beside them.
    for (const { read } of [first, second])
      expect(read).toBeLessThan(2 * rowsPerOrder * ordersPerRun + 1_000);
    expect(first.sweep).not.toBeNull();
    expect(second.sweep).not.toEqual(first.sweep);
  });
});
