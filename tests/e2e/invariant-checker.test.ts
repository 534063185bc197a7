import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { exchanges } from '#shared/contracts/topology.ts';
import { checkInvariants } from '../support/invariants.ts';
import { line, magicAmounts, mixedWishes, placeAll } from '../support/load.ts';
import { publishForeign } from '../support/publish.ts';
import { settled } from '../support/settled.ts';
import { createTestSystem, type TestSystem } from '../support/system.ts';
import { type OrderRequest, type Witness, watch } from '../support/witness.ts';

/** A wrong that is done to the order with this id behind the back of the services. */
type Plant = (orderId: string) => Promise<unknown>;

let system: TestSystem;
let witness: Witness;

const inOrders =
  (...statements: string[]): Plant =>
  async (id) => {
    for (const sql of statements) await system.orderDatabase.pool.query(sql, [id]);
  };
const inProcessor =
  (sql: string): Plant =>
  (id) =>
    system.processorDatabase.pool.query(sql, [id]);

async function charge(reference: string, key: string, amountMinor: number): Promise<void> {
  const response = await fetch(`${system.urls.sandbox}/payments`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': key },
    body: JSON.stringify({ reference, amountMinor, currency: 'EUR' }),
  });
  expect(response.status).toBe(201);
}

const announce =
  (type: string, data: object): Plant =>
  (subject) => {
    const properties = { messageId: randomUUID(), type };
    const body = JSON.stringify({ subject, data });
    const message = { exchange: exchanges.orders, routingKey: 'nobody.listens', body, properties };
    return publishForeign(system.broker.url, [message]);
  };

/** Puts a message with the id of a real one, or of none, among the dead letters. */
const bury =
  (routingKey: string, from: 'orderDatabase' | 'processorDatabase' | 'nowhere'): Plant =>
  async (id) => {
    const sql = 'SELECT message_id FROM outbox WHERE order_id = $1';
    const rows = from === 'nowhere' ? [] : (await system[from].pool.query(sql, [id])).rows;
    const properties = { messageId: rows[0]?.message_id ?? randomUUID() };
    const message = { exchange: exchanges.deadLetters, routingKey, body: '{}', properties };
    await publishForeign(system.broker.url, [message]);
  };

const total = 1_400;
const fine: OrderRequest = { items: [line('SKU-010', 2, total / 2)] };
const declined: OrderRequest = { items: [line('SKU-010', 1, magicAmounts.declined)] };

const secondEnding = `
  INSERT INTO order_events
  SELECT order_id, version + 1, type, data, actor, correlation_id, traceparent, occurred_at
  FROM order_events WHERE order_id = $1 AND type = 'completed'`;

const secondOrder = `
  INSERT INTO orders (id, customer_id, status, currency, total_minor, version, event_sequence, created_at, updated_at)
  SELECT gen_random_uuid(), customer_id, status, currency, total_minor, version, event_sequence, created_at, updated_at
  FROM orders WHERE id = $1`;

const secondAnnouncement = `
  INSERT INTO outbox (message_id, order_id, shard, type, sequence, correlation_id, payload, created_at)
  SELECT gen_random_uuid(), order_id, shard, type, 4, correlation_id, payload, created_at
  FROM outbox WHERE order_id = $1 AND sequence = 2`;

const otherFailure = `'{"code": "X", "message": "", "recoverable": true}'`;

const plants: readonly (readonly [what: string, invariant: string, order: OrderRequest, plant: Plant])[] = [
  [
    'an acknowledged order that is not there',
    'I1',
    fine,
    inOrders(
      'DELETE FROM order_items WHERE order_id = $1',
      'DELETE FROM order_events WHERE order_id = $1',
      'DELETE FROM orders WHERE id = $1',
    ),
  ],
  ['an order that was changed', 'I1', fine, inOrders('UPDATE orders SET total_minor = 1 WHERE id = $1')],
  ['an order that ended twice', 'I2', fine, inOrders(secondEnding)],
  ['an order that never ended', 'I2', fine, inOrders(`UPDATE orders SET status = 'paid' WHERE id = $1`)],
  [
    'a history with a gap',
    'I2',
    fine,
    inOrders(`DELETE FROM order_events WHERE order_id = $1 AND type = 'paid'`),
  ],
  ['a second order for one request', 'I3', fine, inOrders(secondOrder)],
  [
    'an order that nobody asked for',
    'I3',
    fine,
    inOrders(`UPDATE orders SET customer_id = 'a stranger' WHERE id = $1`),
  ],
  ['money that was taken twice', 'I4', fine, (id) => charge(id, `${id}:again`, total)],
  ['money that was taken for a failed order', 'I4', declined, (id) => charge(id, `${id}:again`, 5)],
  [
    'money that was given back for a completed order',
    'I4',
    fine,
    (id) => fetch(`${system.urls.sandbox}/payments/by-key/${id}:charge:0/cancel`, { method: 'POST' }),
  ],
  ['money that was taken for no order', 'I4', fine, () => charge(randomUUID(), randomUUID(), 5)],
  [
    'stock that vanished',
    'I5',
    fine,
    inProcessor(`
      UPDATE stock SET on_hand = on_hand - 1, received = received - 1
      WHERE sku IN (SELECT sku FROM reservations WHERE order_id = $1)`),
  ],
  [
    'stock that stays reserved for an order that ended',
    'I5',
    fine,
    inProcessor(`UPDATE reservations SET state = 'open' WHERE order_id = $1`),
  ],
  [
    'stock that went to a failed order',
    'I5',
    declined,
    inProcessor(`UPDATE reservations SET state = 'shipped' WHERE order_id = $1`),
  ],
  [
    'a shipment of something else than was ordered',
    'I5',
    fine,
    inProcessor('UPDATE reservations SET quantity = quantity + 1 WHERE order_id = $1'),
  ],
  [
    'a message that was committed and never published',
    'I6',
    fine,
    inProcessor('UPDATE outbox SET message_id = gen_random_uuid() WHERE order_id = $1 AND sequence = 2'),
  ],
  ['a message that was published and never committed', 'I6', fine, announce('order.paid.v1', {})],
  [
    'a message that was published otherwise than it was committed',
    'I6',
    fine,
    inOrders(`UPDATE outbox SET payload = '{"data": {}}' WHERE order_id = $1`),
  ],
  [
    'a change without a message',
    'I7',
    fine,
    inOrders('DELETE FROM inbox WHERE order_id = $1 AND sequence = 2'),
  ],
  ['a message that had its effect twice', 'I7', fine, inOrders(secondEnding)],
  ['a step that was announced twice', 'I7', fine, inProcessor(secondAnnouncement)],
  [
    'a reply that took effect before an earlier one',
    'I8',
    fine,
    inOrders(`
      UPDATE inbox SET received_at = received_at - interval '1 minute' WHERE order_id = $1 AND sequence = 3`),
  ],
  [
    'a gap in what took effect',
    'I8',
    fine,
    inOrders('UPDATE orders SET processing_sequence = 4 WHERE id = $1'),
  ],
  [
    'replies that were published in the wrong order',
    'I8',
    fine,
    inProcessor('UPDATE outbox SET sequence = 4 - sequence WHERE order_id = $1'),
  ],
  ['a message both processed and dead', 'I10', fine, bury('order.created.failed', 'orderDatabase')],
  ['a reply both processed and dead', 'I10', fine, bury('order.processed.failed', 'processorDatabase')],
  ['a dead letter that nobody sent', 'I10', fine, bury('order.created.failed', 'nowhere')],
  [
    'a message neither processed nor dead',
    'I10',
    fine,
    inProcessor(`UPDATE sagas SET state = 'failed', failure = ${otherFailure} WHERE order_id = $1`),
  ],
  [
    'a reply neither processed nor dead',
    'I10',
    fine,
    inOrders('DELETE FROM inbox WHERE order_id = $1 AND sequence = 3'),
  ],
  [
    'an order without a final reply',
    'I12',
    fine,
    inOrders('UPDATE orders SET id = gen_random_uuid() WHERE id = $1'),
  ],
  [
    'a final reply that the order contradicts',
    'I12',
    declined,
    inOrders(`UPDATE orders SET failure = ${otherFailure} WHERE id = $1`),
  ],
  [
    'final replies that contradict each other',
    'I12',
    fine,
    announce('order.processed.v1', { run: 0, status: 'failed' }),
  ],
];

/** One order for each plant. */
const victims: string[] = [];
/** What was found after the plants so far. */
let known = new Set<string>();

beforeAll(async () => {
  system = await createTestSystem({ settings: { PAYMENT_TIMEOUT_MS: '300' } });
  witness = await watch(system);
  await placeAll(witness, mixedWishes(20));
  for (const [, , request] of plants) {
    const answer = await witness.place(request);
    if (answer.outcome === 'accepted') victims.push(answer.orderId);
  }
  await settled(system);
});
afterAll(() => system?.dispose());

test('the checker finds nothing in a system in which everything went right', async () => {
  expect(victims).toHaveLength(plants.length);
  expect(await checkInvariants(system, witness)).toEqual([]);
});

describe('the checker finds', () => {
  test.each(plants.map(([what, invariant, , plant], index) => ({ what, invariant, plant, index })))(
    '$what ($invariant)',
    async ({ invariant, plant, index }) => {
      await plant(victims[index] as string);
      const findings = await checkInvariants(system, witness);
      const added = findings.filter((finding) => !known.has(JSON.stringify(finding)));
      known = new Set(findings.map((finding) => JSON.stringify(finding)));
      expect(added.map((finding) => finding.invariant.split(' ')[0])).toContain(invariant);
    },
  );
});
