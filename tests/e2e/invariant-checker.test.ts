import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { exchanges } from '#shared/contracts/topology.ts';
import { checkInvariants } from '../support/invariants.ts';
import { line, magicAmounts, mixedWishes, placeAll } from '../support/load.ts';
import { publishForeign } from '../support/publish.ts';
import { settled } from '../support/settled.ts';
import { createTestSystem, orderClient, type TestSystem } from '../support/system.ts';
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

/** Gives money of an order back behind everybody's back. */
async function giveBack(id: string, amountMinor: number): Promise<void> {
  const key = `${id}:charge:0`;
  const found = await fetch(`${system.urls.sandbox}/payments/by-key/${encodeURIComponent(key)}`);
  const { payment } = (await found.json()) as { payment: { id: string } };
  const response = await fetch(`${system.urls.sandbox}/payments/${payment.id}/refunds`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': randomUUID() },
    body: JSON.stringify({ amountMinor }),
  });
  expect(response.status).toBe(201);
}

const announce =
  (type: string, data: object, sequence?: number): Plant =>
  (subject) => {
    const properties = { messageId: randomUUID(), type };
    const body = JSON.stringify({ subject, sequence, data });
    const message = { exchange: exchanges.orders, routingKey: 'nobody.listens', body, properties };
    return publishForeign(system.broker.url, [message]);
  };

/** Puts a message with the id of a real one, or of none, among the dead letters. */
const bury =
  (routingKey: string, from: 'orderDatabase' | 'processorDatabase' | 'nowhere', sequence = 1): Plant =>
  async (id) => {
    const sql = `SELECT message_id FROM outbox WHERE order_id = $1 AND sequence = ${sequence}`;
    const rows = from === 'nowhere' ? [] : (await system[from].pool.query(sql, [id])).rows;
    const properties = { messageId: rows[0]?.message_id ?? randomUUID() };
    const body = JSON.stringify({ subject: id });
    const message = { exchange: exchanges.deadLetters, routingKey, body, properties };
    await publishForeign(system.broker.url, [message]);
  };

/** An order that something is done to, and what became of it before. */
interface Victim {
  readonly request: OrderRequest;
  readonly end: string;
  readonly wishes?: (orderId: string) => Promise<unknown>;
}

const total = 1_400;
const items = [line('SKU-010', 2, total / 2)];
const fine: Victim = { request: { items }, end: 'completed' };
const declined: Victim = {
  request: { items: [line('SKU-010', 1, magicAmounts.declined)] },
  end: 'failed',
};
const partlyRefunded: Victim = {
  ...fine,
  wishes: (id) => witness.ask(id, 'refund', { body: { amountMinor: 400, refundId: randomUUID() } }),
};
const refunded: Victim = { ...fine, wishes: (id) => witness.ask(id, 'refund') };
const fulfilled: Victim = { ...fine, wishes: (id) => witness.ask(id, 'fulfil') };
const waiting: Victim = { request: { items, payment: 'manual' }, end: 'reserved' };
const cancelled: Victim = { ...waiting, wishes: (id) => witness.ask(id, 'cancel') };

const secondEnding = `
  INSERT INTO order_events
  SELECT order_id, version + 1, type, data, actor, correlation_id, traceparent, occurred_at
  FROM order_events WHERE order_id = $1 AND type = 'completed'`;

const secondOrder = `
  INSERT INTO orders (id, customer_id, status, currency, total_minor, version, event_sequence, created_at, updated_at)
  SELECT gen_random_uuid(), customer_id, status, currency, total_minor, version, event_sequence, created_at, updated_at
  FROM orders WHERE id = $1`;

const secondAnnouncement = (sequence: number, type = 'type') => `
  INSERT INTO outbox (message_id, order_id, shard, type, sequence, correlation_id, payload, created_at)
  SELECT gen_random_uuid(), order_id, shard, ${type}, sequence + 1, correlation_id, payload, created_at
  FROM outbox WHERE order_id = $1 AND sequence = ${sequence}`;

const withRefund = (field: string, value: string) => `
  SET refunds = jsonb_set(refunds::jsonb, '{0,${field}}', '${value}') WHERE`;

const otherFailure = `'{"code": "X", "message": "", "recoverable": true}'`;

const plants: readonly (readonly [what: string, invariant: string, victim: Victim, plant: Plant])[] = [
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
  ['a step that was announced twice', 'I7', fine, inProcessor(secondAnnouncement(2))],
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
    'I6',
    fine,
    announce('order.processed.v1', { run: 0, status: 'failed' }),
  ],
  // Cancelling, paying by hand, refunding and finishing.
  [
    'a refund that was forgotten',
    'I1',
    partlyRefunded,
    inOrders(`UPDATE orders SET refunds = '[]' WHERE id = $1`),
  ],
  [
    'a cancellation that was forgotten',
    'I1',
    cancelled,
    inOrders('UPDATE orders SET cancellation = NULL WHERE id = $1'),
  ],
  [
    'a finished order that is not',
    'I1',
    fulfilled,
    inOrders(`UPDATE orders SET status = 'completed' WHERE id = $1`),
  ],
  [
    'a cancellation that was never answered',
    'I2',
    cancelled,
    inOrders(`UPDATE orders SET cancellation = '{"status": "requested"}' WHERE id = $1`),
  ],
  [
    'a refund that was never answered',
    'I2',
    partlyRefunded,
    inOrders(
      `UPDATE orders ${withRefund('status', '"requested"')} id = $1`,
      `DELETE FROM order_events WHERE order_id = $1 AND type = 'partiallyRefunded'`,
      'UPDATE orders SET version = version - 1 WHERE id = $1',
    ),
  ],
  [
    'an order that waits for a payment that was asked for',
    'I2',
    waiting,
    inOrders('UPDATE orders SET payment_requested = true WHERE id = $1'),
  ],
  ['money that was given back without a refund', 'I4', fine, (id) => giveBack(id, 1)],
  ['money that was taken for a cancelled order', 'I4', cancelled, (id) => charge(id, `${id}:again`, 5)],
  ['money that was taken before it was asked for', 'I4', waiting, (id) => charge(id, `${id}:again`, 5)],
  [
    'a refund of another amount than was given back',
    'I4',
    partlyRefunded,
    inOrders(`UPDATE orders ${withRefund('amountMinor', '399')} id = $1`),
  ],
  [
    'a captured amount that is not',
    'I4',
    refunded,
    inOrders('UPDATE orders SET paid_minor = paid_minor - 1 WHERE id = $1'),
  ],
  [
    'stock that did not come back from a refunded order',
    'I5',
    refunded,
    inProcessor(`UPDATE reservations SET state = 'shipped' WHERE order_id = $1`),
  ],
  [
    'stock that came back from an order that was refunded in part',
    'I5',
    partlyRefunded,
    inProcessor(`UPDATE reservations SET state = 'returned' WHERE order_id = $1`),
  ],
  [
    'stock that is not held for an order that waits for its payment',
    'I5',
    waiting,
    inProcessor('DELETE FROM reservations WHERE order_id = $1'),
  ],
  ['a wish that was announced twice', 'I7', cancelled, inOrders(secondAnnouncement(2))],
  [
    'a wish that was never announced',
    'I7',
    partlyRefunded,
    inOrders('DELETE FROM outbox WHERE order_id = $1 AND sequence = 2'),
  ],
  ['a refund that was announced twice', 'I7', partlyRefunded, inProcessor(secondAnnouncement(4))],
  [
    'a gap in what was asked for',
    'I8',
    cancelled,
    inOrders('UPDATE orders SET event_sequence = event_sequence + 1 WHERE id = $1'),
  ],
  [
    'wishes that were published before their order',
    'I8',
    cancelled,
    inOrders('UPDATE outbox SET sequence = 3 - sequence WHERE order_id = $1'),
  ],
  ['a wish both noted and dead', 'I10', cancelled, bury('order.requests.failed', 'orderDatabase', 2)],
  [
    'a cancellation neither noted nor dead',
    'I10',
    cancelled,
    inProcessor('UPDATE sagas SET cancel_requested = false WHERE order_id = $1'),
  ],
  [
    'a refund neither noted nor dead',
    'I10',
    refunded,
    inProcessor(`UPDATE sagas SET refunds = '[]' WHERE order_id = $1`),
  ],
  [
    'a report about an operator that nobody took down',
    'I10',
    fine,
    inProcessor(secondAnnouncement(3, `'order.operator_acted.v1'`)),
  ],
  [
    'a saga that nobody will look after',
    'I11',
    waiting,
    inProcessor('UPDATE sagas SET deadline_at = NULL WHERE order_id = $1'),
  ],
  [
    'a saga that should have moved long ago',
    'I11',
    waiting,
    inProcessor(`UPDATE sagas SET deadline_at = now() - interval '31 seconds' WHERE order_id = $1`),
  ],
  [
    'a refund that nobody will look after',
    'I11',
    partlyRefunded,
    inProcessor(`UPDATE sagas ${withRefund('state', '"requested"')} order_id = $1`),
  ],
  [
    'a saga that nobody expected to need an operator',
    'I11',
    waiting,
    inProcessor(`UPDATE sagas SET state = 'needs_attention', deadline_at = NULL WHERE order_id = $1`),
  ],
  [
    'a refund that nobody expected to need an operator',
    'I11',
    partlyRefunded,
    inProcessor(`UPDATE sagas ${withRefund('state', '"needs_attention"')} order_id = $1`),
  ],
  [
    'a cancelled order that was told that it is completed',
    'I6',
    cancelled,
    announce('order.processed.v1', { run: 0, status: 'completed' }, 9),
  ],
  [
    'a refunded order that never heard of it',
    'I12',
    refunded,
    inOrders(`UPDATE orders SET status = 'cancelled' WHERE id = $1`),
  ],
];

async function place(request: OrderRequest): Promise<string> {
  const answer = await witness.place(request);
  if (answer.outcome !== 'accepted') throw new Error(`not accepted: ${JSON.stringify(answer)}`);
  return answer.orderId;
}

/** One order for each plant. */
const victims: string[] = [];
/** What was found after the plants so far. */
let known = new Set<string>();

beforeAll(async () => {
  system = await createTestSystem({ settings: { PAYMENT_TIMEOUT_MS: '300' } });
  witness = await watch(system);
  await placeAll(witness, mixedWishes(20));
  const orders = orderClient(system.urls.order);
  for (const [, , { request }] of plants) victims.push(await place(request));
  await Promise.all(plants.map(([, , { end }], index) => orders.becomes(victims[index] as string, end)));
  await Promise.all(plants.map(async ([, , { wishes }], index) => wishes?.(victims[index] as string)));
  await settled(system);
  // Nobody shall repair, or make worse, what is planted.
  await Promise.all([system.stop('order'), system.stop('processor')]);
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

test('sagas that need attention are in order where a test says so, and nothing else is', async () => {
  const untoldOf = async (leave: { attention?: boolean }): Promise<number> => {
    const findings = await checkInvariants(system, witness, leave);
    return findings.filter(({ what }) => what.startsWith('needs attention')).length;
  };
  expect(await untoldOf({})).toBe(2);
  expect(await untoldOf({ attention: true })).toBe(0);
});
