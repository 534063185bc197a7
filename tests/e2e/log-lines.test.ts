import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { z } from 'zod';
import { scenarioNamed } from '#payment-sandbox/scenarios.ts';
import { eventually } from '../support/eventually.ts';
import { call, connectOrders } from '../support/grpc-client.ts';
import { createTestSystem, orderBody, orderClient, type TestSystem } from '../support/system.ts';

let system: TestSystem;

beforeAll(async () => {
  system = await createTestSystem({ retryDelaysMs: [100, 200] });
});
afterAll(() => system?.dispose());

/** What every line of a service says, whatever it is about. */
const always = {
  level: z.enum(['info', 'warn', 'error']),
  time: z.iso.datetime(),
  service: z.enum(['order-service', 'processor-service']),
};
const cause = { correlationId: z.string(), traceId: z.string().regex(/^[0-9a-f]{32}$/), orderId: z.uuid() };
const delivery = { messageId: z.uuid(), type: z.string(), attempt: z.int().positive() };
const durationMs = z.int().nonnegative();

/** The lines of an order's life, with every field that each may have: a payload would be one too many. */
const line = z.discriminatedUnion('msg', [
  z.strictObject({
    ...always,
    ...cause,
    msg: z.literal('request answered'),
    method: z.string(),
    route: z.string(),
    status: z.int(),
    durationMs,
  }),
  z.strictObject({
    ...always,
    ...cause,
    msg: z.literal('call answered'),
    method: z.string(),
    status: z.string(),
    durationMs,
  }),
  z.strictObject({
    ...always,
    ...cause,
    ...delivery,
    attempt: delivery.attempt.optional(),
    msg: z.literal('message published'),
    exchange: z.string(),
    routingKey: z.string(),
    durationMs,
  }),
  z.strictObject({
    ...always,
    ...cause,
    ...delivery,
    msg: z.literal('message handled'),
    queue: z.string(),
    isDuplicate: z.boolean(),
    durationMs,
  }),
  z.strictObject({
    ...always,
    ...cause,
    ...delivery,
    msg: z.literal('message will be retried'),
    queue: z.string(),
    delayMs: z.int(),
    // No stack: it is expected, and not the end of the matter.
    err: z.strictObject({ type: z.string(), code: z.string(), message: z.string() }),
  }),
  z.strictObject({
    ...always,
    ...cause,
    messageId: z.uuid(),
    attempt: z.int(),
    msg: z.literal('payment provider called'),
    operation: z.enum(['charge', 'lookup', 'cancel', 'refund']),
    outcome: z.string(),
    durationMs,
  }),
  z.strictObject({
    ...always,
    ...cause,
    messageId: z.uuid(),
    attempt: z.int(),
    msg: z.literal('saga ended'),
    state: z.string(),
    run: z.int(),
    code: z.string().optional(),
    durationMs,
  }),
]);
type Line = z.infer<typeof line>;

/** Everything that both services have said about an order, service by service. @throws ZodError for a line unlike these */
function linesAbout(orderId: string): readonly Line[] {
  return (['order', 'processor'] as const).flatMap((name) =>
    system
      .logOf(name)
      .filter((text) => text.includes(orderId))
      .map((text) => line.parse(JSON.parse(text))),
  );
}

/** What each line is, in short. */
const inShort = (lines: readonly Line[], service: Line['service']) =>
  lines
    .filter((told) => told.service === service)
    .map((told) => {
      switch (told.msg) {
        case 'request answered':
          return `${told.method} ${told.route} ${told.status}`;
        case 'call answered':
          return `${told.method} ${told.status}`;
        case 'message published':
          return `published ${told.routingKey}`;
        case 'message handled':
          return `handled ${told.type}`;
        case 'message will be retried':
          return `retry after attempt ${told.attempt}: ${told.err.code}`;
        case 'payment provider called':
          return `${told.operation} ${told.outcome}`;
        case 'saga ended':
          return `saga ${told.state}`;
        default:
          return told satisfies never;
      }
    })
    .sort();

const published = (type: string) => `published ${type}`;
const reports = ['order.paid', 'order.processed', 'order.reserved'];

async function place(headers: Readonly<Record<string, string>>, amountMinor?: number): Promise<string> {
  const response = await fetch(`${system.urls.order}/orders`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(orderBody(amountMinor === undefined ? {} : { amountMinor })),
  });
  return ((await response.json()) as { id: string }).id;
}

test('each boundary that an order crosses is told in one line, which says what it belongs to', async () => {
  const traceId = randomBytes(16).toString('hex');
  const headers = { traceparent: `00-${traceId}-b7ad6b7169203331-01`, 'x-correlation-id': 'checkout-8' };
  const id = await place(headers);
  await eventually(() => {
    const lines = linesAbout(id);
    expect(inShort(lines, 'order-service')).toEqual([
      'POST /orders 201',
      ...reports.map((type) => `handled ${type}.v1`),
      published('order.created'),
    ]);
    expect(inShort(lines, 'processor-service')).toEqual([
      'charge ok',
      'handled order.created.v1',
      ...reports.map(published),
      'saga completed',
    ]);
  });
  const lines = linesAbout(id);
  expect(new Set(lines.map((told) => told.traceId))).toEqual(new Set([traceId]));
  expect(new Set(lines.map(({ correlationId }) => correlationId))).toEqual(new Set(['checkout-8']));
});

test('so is a call over gRPC, and a look at an order', async () => {
  const id = await place({});
  await orderClient(system.urls.order).becomes(id, 'completed');
  const client = connectOrders(system.grpcAddress);
  try {
    await call(client, client.getOrder, { orderId: id }, { metadata: { 'x-correlation-id': 'look-1' } });
  } finally {
    client.close();
  }
  await eventually(() => {
    const lines = linesAbout(id).filter(({ correlationId }) => correlationId === 'look-1');
    expect(inShort(lines, 'order-service')).toEqual(['/oms.v1.OrderService/GetOrder OK']);
  });
  expect(inShort(linesAbout(id), 'order-service')).toContain('GET /orders/:id 200');
});

test('a retry is told with its attempt and the reason, once and without a stack', async () => {
  const id = await place({}, scenarioNamed('error_twice')?.amountMinor);
  await orderClient(system.urls.order).becomes(id, 'completed');
  await eventually(() => {
    expect(inShort(linesAbout(id), 'processor-service')).toEqual([
      'charge PAYMENT_OUTCOME_UNKNOWN',
      'charge PAYMENT_OUTCOME_UNKNOWN',
      'charge ok',
      'handled order.created.v1',
      ...Array(4).fill('lookup ok'),
      published('order.paid'),
      published('order.processed'),
      published('order.reserved'),
      published('processor-service.order.created'),
      published('processor-service.order.created'),
      'retry after attempt 1: PAYMENT_OUTCOME_UNKNOWN',
      'retry after attempt 2: PAYMENT_OUTCOME_UNKNOWN',
      'saga completed',
    ]);
  });
  const handled = linesAbout(id).find(
    ({ msg, service }) => msg === 'message handled' && service === 'processor-service',
  );
  expect(handled).toMatchObject({ attempt: 3 });
});
