import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { deadLetterQueueOf, exchanges, queues } from '#shared/contracts/topology.ts';
import { eventually } from '../support/eventually.ts';
import { checkInvariants } from '../support/invariants.ts';
import { line, magicAmounts, placeOne } from '../support/load.ts';
import { publishForeign } from '../support/publish.ts';
import { settled } from '../support/settled.ts';
import { createTestSystem, type OrderView, orderClient, type TestSystem } from '../support/system.ts';
import { type TappedMessage, type Witness, watch } from '../support/witness.ts';

let system: TestSystem;
let witness: Witness;
let orders: ReturnType<typeof orderClient>;

beforeAll(async () => {
  // The first delay is awaited here; the later ones leave time for slow machines.
  system = await createTestSystem({ retryDelaysMs: [300, 2_000, 4_000] });
  witness = await watch(system);
  orders = orderClient(system.urls.order);
});
afterAll(() => system?.dispose());

async function endOf(amountMinor: number, status: string): Promise<OrderView> {
  const id = await placeOne(witness, line('SKU-001', 1, amountMinor));
  await orders.becomes(id, status);
  await settled(system);
  return orders.get(id);
}

async function repliesTo(id: string): Promise<readonly TappedMessage[]> {
  return (await witness.tapped()).filter(
    ({ subject, type }) => subject === id && type !== 'order.created.v1',
  );
}

const routingKeyOf = ({ type }: TappedMessage): string => type.replace('.v1', '');

function publishReplies(replies: readonly TappedMessage[]): Promise<void> {
  return publishForeign(
    system.broker.url,
    replies.map((reply) => ({
      exchange: exchanges.orders,
      routingKey: routingKeyOf(reply),
      body: reply.body,
      properties: { messageId: reply.messageId, type: reply.type },
    })),
  );
}

async function inboxOf(id: string): Promise<readonly string[]> {
  const { rows } = await system.orderDatabase.pool.query<{ type: string; outcome: string }>(
    'SELECT type, outcome FROM inbox WHERE order_id = $1 ORDER BY received_at, sequence',
    [id],
  );
  return rows.map(({ type, outcome }) => `${type} ${outcome}`);
}

test('replies that come again, in whatever order and number, change nothing', async () => {
  const completed = await endOf(700, 'completed');
  const failed = await endOf(magicAmounts.declined, 'failed');
  const replies = [...(await repliesTo(completed.id)), ...(await repliesTo(failed.id))];
  expect(replies).toHaveLength(5);
  const inbox = await inboxOf(completed.id);

  await publishReplies([...replies, ...replies, ...replies.toReversed()]);
  // Whatever is placed now is answered after them: one consumer takes the replies one after the other.
  await endOf(700, 'completed');

  expect(await orders.get(completed.id)).toEqual(completed);
  expect(await orders.get(failed.id)).toEqual(failed);
  expect(await inboxOf(completed.id)).toEqual(inbox);
  expect(await checkInvariants(system, witness)).toEqual([]);
});

test('a late failure does not touch an order that is completed, and is recorded as ignored', async () => {
  const completed = await endOf(700, 'completed');
  const [, , last] = await repliesTo(completed.id);
  const event = JSON.parse(last?.body ?? '') as Record<string, unknown>;
  const failure = { code: 'INTERNAL', message: 'too late', recoverable: true };
  const late = { ...event, id: randomUUID(), sequence: 4, data: { run: 0, status: 'failed', failure } };

  await publishReplies([
    { messageId: late.id, type: 'order.processed.v1', subject: completed.id, body: JSON.stringify(late) },
  ]);
  await eventually(async () => expect(await inboxOf(completed.id)).toHaveLength(4));

  expect(await orders.get(completed.id)).toEqual(completed);
  expect((await inboxOf(completed.id)).at(-1)).toBe(
    'order.processed.v1 ignored: completed orders do not become failed',
  );
});

test('a reply that overtook an earlier one waits for it on the ladder, and then both take effect in order', async () => {
  const completed = await endOf(700, 'completed');
  const [first, second] = await repliesTo(completed.id);
  const { pool } = system.orderDatabase;
  // As if nothing had arrived yet.
  await pool.query('DELETE FROM inbox WHERE order_id = $1', [completed.id]);
  await pool.query('DELETE FROM order_events WHERE order_id = $1 AND version > 1', [completed.id]);
  await pool.query(
    `UPDATE orders SET status = 'pending', version = 1, processing_sequence = 0 WHERE id = $1`,
    [completed.id],
  );

  await publishReplies([second as TappedMessage]);
  await eventually(() => system.logOf('order').some((entry) => entry.includes('EVENT_OUT_OF_ORDER')));
  expect(await orders.get(completed.id)).toMatchObject({ status: 'pending', version: 1 });
  await publishReplies([first as TappedMessage]);

  await orders.becomes(completed.id, 'paid');
  expect(await inboxOf(completed.id)).toEqual(['order.reserved.v1 applied', 'order.paid.v1 applied']);
  expect(await system.broker.count(deadLetterQueueOf(queues.orderProcessed))).toBe(0);
});
