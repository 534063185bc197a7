import { once } from 'node:events';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { deadLetterQueueOf, queues } from '#shared/contracts/topology.ts';
import { eventually } from '../support/eventually.ts';
import { createTestSystem, orderBody, orderClient, type TestSystem } from '../support/system.ts';

const oddAmount = 6_667;

let system: TestSystem;
let orders: ReturnType<typeof orderClient>;
/** Stands in front of the provider, and has answers of its own to everything about some orders. */
let front: http.Server;
let oddly: (response: ServerResponse) => void;
const oddOrders = new Set<string>();

beforeAll(async () => {
  system = await createTestSystem({ services: ['sandbox', 'order'] });
  orders = orderClient(system.urls.order);
  front = http.createServer((request, response) => void answer(request, response)).listen(0, '127.0.0.1');
  await once(front, 'listening');
  await system.start('processor', {
    PAYMENT_URL: `http://127.0.0.1:${(front.address() as AddressInfo).port}`,
    PAYMENT_TIMEOUT_MS: '300',
    PAYMENT_BREAKER_FAILURES: '2',
    COMPENSATION_ATTEMPTS: '2',
  });
});
afterAll(async () => {
  await system?.dispose();
  front.closeAllConnections();
  front.close();
});

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { url = '', method = '', headers } = request;
  const body = await text(request);
  if (isOdd(url, body)) return oddly(response);
  const key = headers['idempotency-key'];
  const answered = await fetch(`${system.urls.sandbox}${url}`, {
    method,
    headers: {
      'content-type': 'application/json',
      ...(key === undefined ? {} : { 'idempotency-key': String(key) }),
    },
    ...(method === 'POST' ? { body } : {}),
  });
  response.writeHead(answered.status, { 'content-type': 'application/json' }).end(await answered.text());
}

function isOdd(url: string, body: string): boolean {
  const { reference, amountMinor } = body === '' ? {} : JSON.parse(body);
  if (amountMinor === oddAmount) oddOrders.add(reference);
  return [...oddOrders].some((orderId) => url.includes(orderId) || reference === orderId);
}

const timesOpened = () =>
  system.logOf('processor').filter((line) => line.includes('payment provider does not answer')).length;

interface StoredSaga {
  readonly state: string;
  readonly trouble: { readonly message: string } | null;
}

async function sagaOf(orderId: string): Promise<StoredSaga | undefined> {
  const sql = 'SELECT state, trouble FROM sagas WHERE order_id = $1';
  return (await system.processorDatabase.pool.query<StoredSaga>(sql, [orderId])).rows[0];
}

const noClearAnswer = 'The payment provider gave no clear answer: status';

test.each<[string, typeof oddly, string]>([
  ['an error', (response) => response.writeHead(500).end('<html>'), `${noClearAnswer} 500.`],
  ['a page', (response) => response.writeHead(200).end('<html>'), `${noClearAnswer} 200.`],
  [
    'more than anybody reads',
    (response) => response.writeHead(200).end(' '.repeat(1_000_000)),
    'The payment provider did not answer.',
  ],
  [
    'an answer without an end',
    (response) => response.writeHead(200).write('{'),
    'The payment provider did not answer.',
  ],
])(
  'one order to which the provider has nothing but %s holds up no other, and comes to an end',
  async (_, how, trouble) => {
    oddly = how;
    const deadLetterQueue = deadLetterQueueOf(queues.orderCreated);
    const [lettersBefore, openedBefore] = [await system.broker.count(deadLetterQueue), timesOpened()];
    const odd = await orders.place(orderBody({ amountMinor: oddAmount }));
    // Nothing else is there to show that the provider does answer.
    await eventually(() => timesOpened() > openedBefore);
    await eventually(
      async () => {
        const { id } = await orders.place();
        await orders.becomes(id, 'completed');
        expect(await sagaOf(odd.id)).toMatchObject({
          state: 'needs_attention',
          trouble: { message: trouble },
        });
      },
      { withinMs: 40_000 },
    );
    expect(await system.broker.count(deadLetterQueue)).toBe(lettersBefore + 1);
  },
);
