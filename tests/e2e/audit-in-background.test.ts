import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { everFoundBy, readInvariants } from '../support/audits.ts';
import { eventually } from '../support/eventually.ts';
import { line, magicAmounts, mixedWishes, placeAll, placeOne } from '../support/load.ts';
import { settled } from '../support/settled.ts';
import { createTestSystem, orderClient, type TestSystem } from '../support/system.ts';
import { type Witness, watch } from '../support/witness.ts';

const services = ['order', 'processor'] as const;
type Service = (typeof services)[number];

let system: TestSystem;
let witness: Witness;

beforeAll(async () => {
  // With hardly a pause between the runs the auditor sees orders at every stage.
  system = await createTestSystem({ settings: { PAYMENT_TIMEOUT_MS: '300', AUDIT_INTERVAL_MS: '50' } });
  witness = await watch(system);
});
afterAll(() => system?.dispose());

const total = 1_400;
const place = (amountMinor = total): Promise<string> => placeOne(witness, line('SKU-010', 1, amountMinor));

/** Waits until every order has been looked at from now on. */
async function swept(): Promise<void> {
  for (const service of services) {
    const begun = Date.now();
    await eventually(async () => {
      const { coverage } = await readInvariants(system, service);
      const { completedAt } = coverage.find(({ name }) => name === 'sweep') ?? {};
      expect(Date.parse(completedAt ?? '')).toBeGreaterThan(begun);
    });
  }
}

test('finds nothing at any time while orders of every kind are under way, nor afterwards', async () => {
  await placeAll(witness, mixedWishes(60));
  const [soon, late] = [await place(), await place()];
  await witness.ask(soon, 'cancel');
  await orderClient(system.urls.order).becomes(late, 'completed');
  expect(await witness.ask(late, 'refund')).toBe(202);
  await settled(system);
  await swept();
  for (const service of services) {
    const { invariants, findings, ordersChecked } = await readInvariants(system, service);
    expect(findings).toEqual([]);
    expect(invariants.filter(({ status }) => status === 'broken')).toEqual([]);
    expect(ordersChecked).toBeGreaterThan(60);
    expect(everFoundBy(system, service)).toEqual([]);
  }
});

test('finds nothing wrong with a refund that waits for an operator, however long', async () => {
  const id = await place(magicAmounts.keepsTheMoney);
  await orderClient(system.urls.order).becomes(id, 'completed');
  expect(await witness.ask(id, 'refund')).toBe(202);
  await settled(system, { attention: true });
  await system.orderDatabase.pool.query(
    `UPDATE orders SET updated_at = now() - interval '2 hours' WHERE id = $1`,
    [id],
  );
  await swept();
  for (const service of services) {
    const { findings } = await readInvariants(system, service);
    expect(findings.filter(({ subject }) => subject === id)).toEqual([]);
  }
});

test('says what it cannot tell', async () => {
  const untoldBy = async (service: Service): Promise<string[]> =>
    (await readInvariants(system, service)).invariants
      .filter(({ status }) => status === 'untold')
      .map(({ invariant }) => invariant);
  expect(await untoldBy('order')).toEqual(['I3', 'I5', 'I6', 'I10', 'I11', 'I13']);
  expect(await untoldBy('processor')).toEqual(['I2', 'I3', 'I6', 'I10', 'I13']);
});

/** A wrong that is done to an order behind the back of the services, and all that it breaks. */
interface Plant {
  readonly what: string;
  readonly at: Service;
  readonly sql: readonly string[];
  readonly breaks: readonly string[];
  /** What is ordered, if not something that completes. */
  readonly amountMinor?: number;
}

const declined = magicAmounts.declined;
const inOrders = (what: string, breaks: string, sql: string, amountMinor?: number): Plant =>
  plant('order', what, breaks, sql, amountMinor);
const inProcessor = (what: string, breaks: string, sql: string, amountMinor?: number): Plant =>
  plant('processor', what, breaks, sql, amountMinor);

function plant(at: Service, what: string, breaks: string, sql: string, amountMinor = total): Plant {
  return { at, what, breaks: breaks.split(' '), sql: sql.split(';'), amountMinor };
}

const copyOfOutboxRow = (sequence: number): string => `
  INSERT INTO outbox (message_id, order_id, shard, type, sequence, correlation_id, payload, created_at, published_at)
  SELECT gen_random_uuid(), order_id, shard, type, sequence + 1, correlation_id, payload, created_at, now()
  FROM outbox WHERE order_id = $1 AND sequence = ${sequence}`;

const stuckMessage = `
  UPDATE outbox SET published_at = NULL, next_attempt_at = now() + interval '1 hour', created_at = now() - interval '1 minute'
  WHERE order_id = $1 AND sequence = 1`;

/** What is announced is looked at once it is settled, whatever has become of its order. */
const longAgo = `UPDATE outbox SET created_at = created_at - interval '2 minutes' WHERE $1::uuid IS NOT NULL`;

const plants: readonly Plant[] = [
  inOrders(
    'an order that is gone',
    'I1',
    `DELETE FROM order_items WHERE order_id = $1;
     DELETE FROM order_events WHERE order_id = $1;
     DELETE FROM orders WHERE id = $1;
     ${longAgo}`,
  ),
  inOrders(
    'a status that the history does not lead to',
    'I2',
    `UPDATE orders SET status = 'fulfilled' WHERE id = $1`,
  ),
  inOrders(
    'a forgotten event',
    'I2 I7',
    `DELETE FROM order_events WHERE order_id = $1 AND type = 'completed'`,
  ),
  inOrders(
    'an order that does not move on',
    'I2',
    `DELETE FROM order_events WHERE order_id = $1 AND version > 2;
     DELETE FROM inbox WHERE order_id = $1 AND sequence > 1;
     UPDATE orders SET status = 'reserved', version = 2, paid_minor = 0, processing_sequence = 1,
                       updated_at = now() - interval '2 hours' WHERE id = $1`,
  ),
  inOrders(
    'a captured amount that is not',
    'I4',
    'UPDATE orders SET paid_minor = paid_minor - 1 WHERE id = $1',
  ),
  inOrders('an effect without a message', 'I7 I8', 'DELETE FROM inbox WHERE order_id = $1 AND sequence = 2'),
  inOrders('an announcement that is gone', 'I7', 'DELETE FROM outbox WHERE order_id = $1'),
  inOrders('a gap in what took effect', 'I8', 'UPDATE orders SET processing_sequence = 4 WHERE id = $1'),
  inOrders('a message that waits for ever', 'I9', stuckMessage),
  inOrders(
    'a final reply that was not taken',
    'I7 I12',
    `UPDATE inbox SET type = 'order.refund_rejected.v1' WHERE order_id = $1 AND type = 'order.processed.v1'`,
    declined,
  ),
  inProcessor(
    'a saga that is gone',
    'I1',
    `DELETE FROM reservations WHERE order_id = $1;
     DELETE FROM sagas WHERE order_id = $1;
     ${longAgo}`,
  ),
  inProcessor(
    'a completed saga without a payment',
    'I4',
    'UPDATE sagas SET payment_id = NULL WHERE order_id = $1',
  ),
  inProcessor(
    'stock that went to a failed order',
    'I5',
    `UPDATE reservations SET state = 'shipped' WHERE order_id = $1`,
    declined,
  ),
  inProcessor(
    'a shipment of something else than was ordered',
    'I5',
    'UPDATE reservations SET quantity = quantity + 1 WHERE order_id = $1',
  ),
  inProcessor(
    'a saga of so many lines that nobody wants to read them all',
    'I5',
    `UPDATE sagas SET "order" = jsonb_set("order"::jsonb, '{items}', (
       SELECT jsonb_agg(jsonb_build_object('sku', md5(i::text) || md5((-i)::text), 'quantity', 1))
       FROM generate_series(1, 100) AS i)) WHERE order_id = $1`,
  ),
  inProcessor('a step that was announced twice', 'I7 I8', copyOfOutboxRow(3)),
  inProcessor('a gap in the replies', 'I8', 'DELETE FROM outbox WHERE order_id = $1 AND sequence = 2'),
  inProcessor('a reply that waits for ever', 'I9', stuckMessage),
  inProcessor(
    'a saga that nobody looks after',
    'I11',
    `UPDATE sagas SET state = 'reserved', deadline_at = NULL WHERE order_id = $1;
     UPDATE reservations SET state = 'open' WHERE order_id = $1`,
  ),
  inProcessor(
    'an end that was never announced',
    'I12',
    `UPDATE sagas SET failure = '{"code": "X", "message": "", "recoverable": false}' WHERE order_id = $1`,
    declined,
  ),
];

const databaseOf = (service: Service) =>
  service === 'order' ? system.orderDatabase.pool : system.processorDatabase.pool;

async function unpublishedOf(id: string): Promise<number> {
  const sql = 'SELECT FROM outbox WHERE order_id = $1 AND published_at IS NULL';
  const counts = await Promise.all(services.map((service) => databaseOf(service).query(sql, [id])));
  return counts.reduce((sum, { rowCount }) => sum + (rowCount ?? 0), 0);
}

describe('finds, by the id of the order,', () => {
  test.each(plants)('$what in the database of the $at-service', async ({ at, sql, breaks, amountMinor }) => {
    const id = await place(amountMinor);
    await orderClient(system.urls.order).becomes(id, amountMinor === declined ? 'failed' : 'completed');
    await eventually(async () => expect(await unpublishedOf(id)).toBe(0));
    for (const statement of sql) await databaseOf(at).query(statement, [id]);
    await eventually(async () => {
      const { findings } = await readInvariants(system, at);
      const found = findings.filter(({ subject }) => subject === id).map(({ invariant }) => invariant);
      expect([...new Set(found)].sort()).toEqual([...breaks].sort());
    });
  });
});

test('finds stock that is reserved for nobody, until it is put right', async () => {
  const move = (pieces: number) =>
    system.processorDatabase.pool.query(
      `UPDATE stock SET on_hand = on_hand - $1, reserved = reserved + $1 WHERE sku = 'SKU-011'`,
      [pieces],
    );
  const findings = async () =>
    (await readInvariants(system, 'processor')).findings.filter(({ subject }) => subject === 'SKU-011');
  await move(1);
  await eventually(async () => expect(await findings()).toMatchObject([{ invariant: 'I5' }]));
  expect(await scrape('processor')).toMatch(/oms_invariant_findings\{invariant="I5"[^}]*\} [1-9]/);
  await move(-1);
  await eventually(async () => expect(await findings()).toEqual([]));
});

test('tells of its work in the metrics', async () => {
  for (const service of services) {
    const metrics = await scrape(service);
    expect(metrics).toMatch(/oms_invariant_checked_total\{[^}]*\} [1-9]/);
    expect(metrics).toMatch(/oms_invariant_audit_age_seconds\{[^}]*\} \d/);
  }
});

async function scrape(service: Service): Promise<string> {
  return (await fetch(`${system.urls[service]}/metrics`)).text();
}
