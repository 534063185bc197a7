import { readdirSync, readFileSync } from 'node:fs';
import { afterEach, expect, test } from '@jest/globals';
import { parseOrderMessage, routingKeyOf } from '#shared/contracts/order-events.ts';
import { deadLetterQueueOf, exchanges, retryQueueOf, workQueues } from '#shared/contracts/topology.ts';
import { newId } from '#shared/kernel/ids.ts';
import type { TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { withHostilePart } from '../support/hostile-values.ts';
import { publishForeign } from '../support/publish.ts';
import { scrapeSamples } from '../support/scrape.ts';
import { createTestSystem, orderBody, orderClient, type TestSystem } from '../support/system.ts';

interface Envelope {
  readonly type: string;
  readonly id: string;
  readonly subject: string;
}
/** A message with something odd about it, and the way that it takes all the same. */
interface OddMessage {
  readonly routingKey: string;
  readonly message: object;
}

const folder = new URL('../../shared/src/contracts/published/', import.meta.url);
/** Each as the first that is said about its order. */
const published = readdirSync(folder)
  .filter((name) => name.endsWith('.json'))
  .map((name) => ({ ...(JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as Envelope), sequence: 1 }));

let system: TestSystem;
afterEach(() => system?.dispose());

function workQueuesOf(service: 'order' | 'processor') {
  return workQueues.filter(({ name }) => name.startsWith(`${service}-service.`));
}

/** Everything that the service reads, with each part of it in turn replaced by each hostile value. */
function oddMessagesFor(service: 'order' | 'processor'): readonly OddMessage[] {
  const keys = workQueuesOf(service).flatMap(({ routingKeys }) => routingKeys);
  return published.flatMap((message) => {
    const routingKey = routingKeyOf(message.type);
    if (!keys.includes(routingKey)) return [];
    return withHostilePart(message).map((odd) => ({ routingKey, message: odd }));
  });
}

/** The same, each a message of its own and about an order of its own, unless that is what is odd about it. */
function apart({ routingKey, message }: OddMessage, orderId: string): OddMessage {
  const { id, subject } = message as Envelope;
  const isOriginal = (value: string, part: 'id' | 'subject') => published.some((one) => one[part] === value);
  return {
    routingKey,
    message: {
      ...message,
      ...(isOriginal(id, 'id') ? { id: newId() } : {}),
      ...(isOriginal(subject, 'subject') ? { subject: orderId } : {}),
    },
  };
}

/** Sends all, waits until the service has come to an end with each, and gives the dead letters. */
async function lettersAfter(service: 'order' | 'processor', sent: readonly OddMessage[]) {
  const { broker } = system;
  const own = workQueuesOf(service).map(({ name }) => name);
  const onTheWay = [...own, ...broker.retryDelaysMs.map(retryQueueOf)];
  await publishForeign(
    broker.url,
    sent.map(({ routingKey, message }) => ({
      exchange: exchanges.orders,
      routingKey,
      body: JSON.stringify(message),
    })),
  );
  await eventually(async () => (await countEnded(service)) === sent.length, { withinMs: 60_000 });
  // What it still had in hand would come back to its queue.
  await system.stop(service);
  for (const queue of onTheWay) expect([queue, await broker.count(queue)]).toEqual([queue, 0]);
  return (await Promise.all(own.map((queue) => broker.drain(deadLetterQueueOf(queue))))).flat();
}

/** How many messages the service has come to an end with, one way or the other. */
async function countEnded(service: 'order' | 'processor'): Promise<number> {
  const ends = ['handled', 'duplicate', 'parked', 'done'];
  return (await scrapeSamples(system.urls[service]))
    .filter(
      ({ metric, labels }) =>
        metric === 'oms_messages_consumed_total' && ends.includes(labels.get('outcome') ?? ''),
    )
    .reduce((total, { value }) => total + value, 0);
}

/** Whatever a message is refused for, it is something about the message. */
function expectReasons(letters: Awaited<ReturnType<typeof lettersAfter>>): void {
  const failures = letters.filter(({ headers }) => headers['x-error-code'] === 'INTERNAL');
  expect(failures.map(({ body, headers }) => `${headers['x-error-message']}: ${body}`)).toEqual([]);
  const malformed = letters.filter(({ headers }) => headers['x-error-code'] === 'MALFORMED_MESSAGE');
  expect(malformed.length).toBeGreaterThan(200);
  expect(malformed.filter(({ headers }) => headers['x-attempts'] !== 1)).toEqual([]);
}

test('the processor-service comes to an end with every message, whatever it says', async () => {
  system = await createTestSystem({ services: ['sandbox', 'processor'] });
  const sent = oddMessagesFor('processor').map((odd) => apart(odd, newId()));
  expectReasons(await lettersAfter('processor', sent));
  expect(await statesIn(system.processorDatabase, 'SELECT state FROM sagas')).toEqual([
    'cancelled',
    'completed',
    'failed',
  ]);
});

test('the order-service comes to an end with every message, whatever it says', async () => {
  system = await createTestSystem({ services: ['order'] });
  const sent: OddMessage[] = [];
  for (const odd of oddMessagesFor('order')) {
    sent.push(apart(odd, isReadable(odd) ? await placeFor(odd) : newId()));
  }
  expectReasons(await lettersAfter('order', sent));
  expect(await statesIn(system.orderDatabase, 'SELECT status AS state FROM orders')).toEqual(
    expect.arrayContaining(['cancelled', 'completed', 'paid', 'refunded', 'reserved']),
  );
});

/** Only these get as far as to their order. */
function isReadable({ message }: OddMessage): boolean {
  try {
    parseOrderMessage(Buffer.from(JSON.stringify(message)));
    return true;
  } catch {
    return false;
  }
}

/** How far an order must have come before it can be told this; otherwise it has just been placed. */
const statusBefore: Readonly<Record<string, string>> = {
  'order.paid': 'reserved',
  'order.processed': 'paid',
  'order.refunded': 'completed',
  'order.refund_rejected': 'completed',
  'order.cancel_rejected': 'paid',
};

async function placeFor({ routingKey }: OddMessage): Promise<string> {
  const { id } = await orderClient(system.urls.order).place(orderBody());
  const status = statusBefore[routingKey];
  if (status !== undefined) {
    const sql = 'UPDATE orders SET status = $2, paid_minor = 1999 WHERE id = $1';
    await system.orderDatabase.pool.query(sql, [id, status]);
  }
  return id;
}

/** Messages that are all refused at the door would prove little. */
async function statesIn({ pool }: TestDatabase, query: string): Promise<readonly string[]> {
  const { rows } = await pool.query<{ state: string }>(query);
  return [...new Set(rows.map(({ state }) => state))].toSorted();
}
