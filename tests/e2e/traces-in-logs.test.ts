import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { PaymentMode } from '#order-service/grpc/protobuf/oms/v1/order_service.ts';
import { deadLetterQueueOf, exchanges, queues } from '#shared/contracts/topology.ts';
import { eventually } from '../support/eventually.ts';
import { call, connectOrders } from '../support/grpc-client.ts';
import { publishForeign } from '../support/publish.ts';
import { createTestSystem, orderBody, orderClient, type TestSystem } from '../support/system.ts';
import { startTraceCollector, type TraceCollector } from '../support/trace-collector.ts';

let collector: TraceCollector;
let system: TestSystem;

beforeAll(async () => {
  collector = await startTraceCollector();
  const traced = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_BSP_SCHEDULE_DELAY: '50' };
  system = await createTestSystem({ settings: { LOG_LEVEL: 'trace', ...traced } });
});
afterAll(async () => {
  await system?.dispose();
  await collector?.close();
});

const json = { 'content-type': 'application/json' };

test('a correlation id goes from the request through both outboxes and back into the history', async () => {
  const correlationId = 'checkout-7421';
  const response = await fetch(`${system.urls.order}/orders`, {
    method: 'POST',
    headers: { ...json, 'x-correlation-id': correlationId },
    body: JSON.stringify(orderBody()),
  });
  expect(response.headers.get('x-correlation-id')).toBe(correlationId);
  const { id } = (await response.json()) as { id: string };
  await orderClient(system.urls.order).becomes(id, 'completed');

  const asked = await system.orderDatabase.pool.query(
    'SELECT type, correlation_id FROM outbox WHERE order_id = $1',
    [id],
  );
  const replied = await system.processorDatabase.pool.query(
    'SELECT type, correlation_id FROM outbox WHERE order_id = $1',
    [id],
  );
  const history = await system.orderDatabase.pool.query(
    'SELECT actor, correlation_id FROM order_events WHERE order_id = $1',
    [id],
  );
  expect([asked.rowCount, replied.rowCount, history.rowCount]).toEqual([1, 3, 4]);
  const ids = [asked, replied, history].flatMap(({ rows }) => rows.map((row) => row.correlation_id));
  expect(new Set(ids)).toEqual(new Set([correlationId]));
});

test('nothing that a client sends in confidence is in any log or span, whatever becomes of the request', async () => {
  const canary = 'canary-5f0c2c63';
  const headers = {
    ...json,
    authorization: `Bearer ${canary}`,
    cookie: `session=${canary}`,
    'x-api-key': canary,
  };
  const secretive = { ...orderBody(), description: canary, metadata: { card: canary } };
  const post = async (path: string, body: string, more = {}) => {
    const init = { method: 'POST', headers: { ...headers, ...more }, body };
    return (await fetch(`${system.urls.order}${path}?token=${canary}`, init)).status;
  };
  expect(await post('/orders', JSON.stringify(secretive))).toBe(201);
  expect(await post('/orders', JSON.stringify({ ...secretive, password: canary }))).toBe(400);
  expect(await post('/orders', `{"password": "${canary}`)).toBe(400);
  expect(await post('/orders', canary, { 'content-type': 'text/plain' })).toBe(415);
  expect(await post(`/${canary}`, '{}')).toBe(404);
  const failing = await fetch(`${system.urls.processor}/stock/SKU-001`, {
    method: 'PUT',
    headers,
    body: JSON.stringify({ onHand: canary }),
  });
  expect(failing.status).toBe(400);

  const client = connectOrders(system.grpcAddress);
  const metadata = { authorization: `Bearer ${canary}`, 'x-api-key': canary };
  const inConfidence = {
    customerId: canary,
    currency: canary,
    items: [],
    paymentMode: PaymentMode.UNSPECIFIED,
    metadata: { canary },
  };
  const refused = call(client, client.createOrder, { ...inConfidence, description: canary }, { metadata });
  await expect(refused).rejects.toThrow('INVALID_ARGUMENT');
  client.close();

  // Nobody listens there; the order above would be told of.
  const webhook = { scope: 'all', url: `http://127.0.0.1:9/${canary}?token=${canary}` };
  expect(await post('/webhooks', JSON.stringify(webhook))).toBe(201);
  expect(await post('/orders', JSON.stringify(secretive))).toBe(201);

  const [exchange, routingKey] = [exchanges.orders, 'order.created'];
  const body = JSON.stringify({ type: 'order.created.v1', data: { customerId: canary, currency: canary } });
  await publishForeign(system.broker.url, [{ exchange, routingKey, body }]);
  const deadLetters = deadLetterQueueOf(queues.orderCreated);
  await eventually(async () => (await system.broker.count(deadLetters)) === 1);

  const logs = () => (['order', 'processor', 'sandbox'] as const).flatMap((name) => system.logOf(name));
  // What happened may be seen before the line about it has come through the pipe.
  for (const told of ['MALFORMED_MESSAGE', 'call answered', 'webhook called', 'payment provider called']) {
    await eventually(() => logs().some((line) => line.includes(told)));
  }
  expect(logs().filter((line) => line.includes(canary))).toEqual([]);

  for (const told of ['POST /orders', 'oms.v1.OrderService/CreateOrder', 'POST webhook', 'POST /payments']) {
    await eventually(() => collector.spans.some(({ name }) => name === told));
  }
  // Where somebody went astray is what the span of a request is about.
  const spans = collector.spans.map((span) => ({
    ...span,
    attributes: { ...span.attributes, 'url.path': '' },
  }));
  expect(spans.filter((span) => JSON.stringify(span).includes(canary))).toEqual([]);
});
