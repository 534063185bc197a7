import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { PaymentMode } from '#order-service/grpc/protobuf/oms/v1/order_service.ts';
import { deadLetterQueueOf, queues } from '#shared/contracts/topology.ts';
import { eventually } from '../support/eventually.ts';
import { call, connectOrders } from '../support/grpc-client.ts';
import { sandboxClient } from '../support/sandbox.ts';
import { createTestSystem, orderBody, orderClient, type TestSystem } from '../support/system.ts';
import { drawTrace, startTraceCollector, type TraceCollector } from '../support/trace-collector.ts';
import { startWebhookReceiver } from '../support/webhook-receiver.ts';

let collector: TraceCollector;
let system: TestSystem;

beforeAll(async () => {
  collector = await startTraceCollector();
  system = await createTestSystem({
    settings: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_BSP_SCHEDULE_DELAY: '50' },
    retryDelaysMs: [100],
  });
});
afterAll(async () => {
  await system?.dispose();
  await collector?.close();
});

const json = { 'content-type': 'application/json' };
const spansIn = (traceId: string) => collector.spans.filter((span) => span.traceId === traceId);

/** The whole trace, once it looks like this: the exporter sends it in parts. */
async function expectTrace(traceId: string, expected: string): Promise<void> {
  await eventually(() => drawTrace(collector.spans, traceId) === expected).catch(() => undefined);
  expect(drawTrace(collector.spans, traceId)).toBe(expected);
}

const afterPlacing = `
  publish orders:order.created (order-service)
    process processor-service.order.created (processor-service)
      saga confirm (processor-service)
        publish orders:order.paid (processor-service)
          process order-service.order.processed (order-service)
            order follow processing (order-service)
        publish orders:order.processed (processor-service)
          process order-service.order.processed (order-service)
            order follow processing (order-service)
      saga pay (processor-service)
        POST /payments (processor-service)
      saga reserve (processor-service)
        publish orders:order.reserved (processor-service)
          process order-service.order.processed (order-service)
            order follow processing (order-service)`;

describe('the trace of an order', () => {
  test('continues the one of the caller, from the request to the final state', async () => {
    const traceId = randomBytes(16).toString('hex');
    const callerId = randomBytes(8).toString('hex');
    const response = await fetch(`${system.urls.order}/orders`, {
      method: 'POST',
      headers: { ...json, traceparent: `00-${traceId}-${callerId}-01` },
      body: JSON.stringify(orderBody()),
    });
    const { id } = (await response.json()) as { id: string };
    await orderClient(system.urls.order).becomes(id, 'completed');

    await expectTrace(traceId, `POST /orders (order-service)${afterPlacing}`);
    const spans = spansIn(traceId);
    const named = (name: string) => spans.filter((span) => span.name === name);
    expect(named('POST /orders')).toMatchObject([
      {
        parentSpanId: callerId,
        kind: 'server',
        attributes: {
          'http.request.method': 'POST',
          'http.route': '/orders',
          'http.response.status_code': 201,
        },
      },
    ]);
    expect(named('publish orders:order.created')).toMatchObject([
      {
        kind: 'producer',
        attributes: {
          'messaging.system.name': 'rabbitmq',
          'messaging.destination.name': 'orders:order.created',
          'oms.order.id': id,
        },
      },
    ]);
    expect(named('process processor-service.order.created')).toMatchObject([
      { kind: 'consumer', links: [], attributes: { 'oms.message.attempt': 1, 'oms.order.id': id } },
    ]);
    expect(named('POST /payments')).toMatchObject([
      { kind: 'client', attributes: { 'http.response.status_code': 201 } },
    ]);
    expect(spans.filter(({ isFailed }) => isFailed)).toEqual([]);
    // Of a root that nobody called, nothing would be missing.
    expect(new Set(spans.map(({ service }) => service))).toEqual(
      new Set(['order-service', 'processor-service']),
    );
    await expectTimelineIn(traceId, id);
  });

  test('begins with the call where the caller has none', async () => {
    const client = connectOrders(system.grpcAddress);
    try {
      const unitPrice = { amountMinor: 700n, currency: 'EUR' };
      const { response } = await call(client, client.createOrder, {
        customerId: 'customer-1',
        currency: 'EUR',
        items: [{ sku: 'SKU-002', quantity: 1, unitPrice }],
        paymentMode: PaymentMode.UNSPECIFIED,
        description: undefined,
        metadata: {},
      });
      const id = response.order?.id ?? '';
      await orderClient(system.urls.order).becomes(id, 'completed');

      const { traceId, parentSpanId } = await eventually(
        () => collector.spans.find(({ name }) => name === 'oms.v1.OrderService/CreateOrder') ?? false,
      );
      expect(parentSpanId).toBe('');
      await expectTrace(traceId, `oms.v1.OrderService/CreateOrder (order-service)${afterPlacing}`);
      expect(spansIn(traceId).find(({ parentSpanId }) => parentSpanId === '')).toMatchObject({
        kind: 'server',
        attributes: { 'rpc.system.name': 'grpc', 'rpc.response.status_code': 'OK' },
      });
      await expectTimelineIn(traceId, id);
    } finally {
      client.close();
    }
  });

  test('goes on through retries and a replay, with links to what brought them about', async () => {
    const sandbox = sandboxClient(system.urls.sandbox);
    const traceId = randomBytes(16).toString('hex');
    await sandbox.force('error_before', { operations: ['charge'] });
    const response = await fetch(`${system.urls.order}/orders`, {
      method: 'POST',
      headers: { ...json, traceparent: `00-${traceId}-${randomBytes(8).toString('hex')}-01` },
      body: JSON.stringify(orderBody()),
    });
    const { id } = (await response.json()) as { id: string };
    const orders = orderClient(system.urls.order);
    await orders.becomes(id, 'failed');
    const deadLetters = deadLetterQueueOf(queues.orderCreated);
    await eventually(async () => (await system.broker.count(deadLetters)) === 1);
    await sandbox.lift();
    const operatorTraceId = randomBytes(16).toString('hex');
    const replayed = await fetch(`${system.urls.processor}/dead-letters/${await letterAbout(id)}/replay`, {
      method: 'POST',
      headers: {
        'x-operator': 'alice',
        traceparent: `00-${operatorTraceId}-${randomBytes(8).toString('hex')}-01`,
      },
    });
    expect([replayed.status, await replayed.text()]).toEqual([200, expect.any(String)]);
    await orders.becomes(id, 'completed');

    const attempts = await eventually(() => {
      const found = spansIn(traceId).filter(({ name }) => name === 'process processor-service.order.created');
      return found.length === 3 && found;
    });
    const [first, retry, replay] = attempts;
    expect(attempts.map(({ attributes, isFailed }) => [attributes['oms.message.attempt'], isFailed])).toEqual(
      [
        [1, true],
        [2, true],
        [1, false],
      ],
    );
    expect(first?.links).toEqual([]);
    expect(first?.exceptions).toHaveLength(1);
    // All of them continue the request; each of the later ones names who has sent it here.
    const request = spansIn(traceId).find(({ name }) => name === 'POST /orders');
    expect([retry?.parentSpanId, replay?.parentSpanId]).toEqual([request?.spanId, request?.spanId]);
    const senderOf = (links: readonly { spanId: string }[] | undefined) =>
      collector.spans.find(({ spanId }) => spanId === links?.[0]?.spanId);
    expect(senderOf(retry?.links)).toMatchObject({ kind: 'producer', parentSpanId: first?.spanId, traceId });
    expect(senderOf(replay?.links)).toMatchObject({ kind: 'producer', traceId: operatorTraceId });
    await expectTimelineIn(traceId, id);
  });

  test('has the compensation, also when the watchdog has to take it up', async () => {
    const sandbox = sandboxClient(system.urls.sandbox);
    const traceId = randomBytes(16).toString('hex');
    await sandbox.force('error_before', { operations: ['charge', 'cancel'] });
    const response = await fetch(`${system.urls.order}/orders`, {
      method: 'POST',
      headers: { ...json, traceparent: `00-${traceId}-${randomBytes(8).toString('hex')}-01` },
      body: JSON.stringify(orderBody()),
    });
    const { id } = (await response.json()) as { id: string };
    const cancelling = () => spansIn(traceId).filter(({ name }) => name.endsWith('/cancel'));
    await eventually(() => cancelling().length > 1);
    await sandbox.lift();
    await orderClient(system.urls.order).becomes(id, 'failed');

    const [compensated] = await eventually(() => {
      const found = spansIn(traceId).filter(({ name }) => name === 'saga compensate');
      return found.length === 1 && found;
    });
    expect(compensated?.attributes).toMatchObject({ 'oms.saga.state': 'failed', 'oms.order.id': id });
    const takenUp = await eventually(
      () => spansIn(traceId).find(({ spanId }) => spanId === compensated?.parentSpanId) ?? false,
    );
    expect(takenUp.name).toBe('saga take up');
    expect(cancelling().map(({ isFailed }) => isFailed)).toEqual(expect.arrayContaining([true, false]));
    await expectTimelineIn(traceId, id);
  });

  test('has the webhooks that tell of it, whom nobody tells of the trace', async () => {
    const receiver = await startWebhookReceiver();
    const traceId = randomBytes(16).toString('hex');
    try {
      const subscribed = await fetch(`${system.urls.order}/webhooks`, {
        method: 'POST',
        headers: json,
        body: JSON.stringify({
          scope: 'all',
          url: receiver.url,
          eventTypes: ['order.completed'],
        }),
      });
      expect(subscribed.status).toBe(201);
      await fetch(`${system.urls.order}/orders`, {
        method: 'POST',
        headers: { ...json, traceparent: `00-${traceId}-${randomBytes(8).toString('hex')}-01` },
        body: JSON.stringify(orderBody()),
      });
      const told = await eventually(
        () => spansIn(traceId).find(({ name }) => name === 'POST webhook') ?? false,
      );
      expect(told).toMatchObject({ kind: 'client', attributes: { 'http.response.status_code': 204 } });
      expect(spansIn(traceId).find(({ spanId }) => spanId === told.parentSpanId)?.name).toBe(
        'order follow processing',
      );
      expect(receiver.received.map(({ headers }) => headers['traceparent'])).toEqual([undefined]);
    } finally {
      await receiver.close();
    }
  });
});

/** @returns the id of the message that rests and is about the order */
async function letterAbout(orderId: string): Promise<string> {
  const { rows } = await system.orderDatabase.pool.query<{ message_id: string }>(
    `SELECT message_id FROM outbox WHERE order_id = $1 AND type = 'order.created.v1'`,
    [orderId],
  );
  return rows[0]!.message_id;
}

/** Whatever happened to the order is to be found in one trace, and in the logs of both services under its name. */
async function expectTimelineIn(traceId: string, orderId: string): Promise<void> {
  const response = await fetch(`${system.urls.order}/orders/${orderId}/timeline`);
  const { entries } = (await response.json()) as {
    entries: readonly { kind: string; detail: { traceId?: string } }[];
  };
  // What was received shows in the history, too.
  const told = entries.filter(({ kind }) => kind !== 'received');
  expect(told.map(({ kind }) => kind)).toEqual(expect.arrayContaining(['history', 'published']));
  expect(told.map(({ detail }) => detail.traceId)).toEqual(told.map(() => traceId));
  for (const service of ['order', 'processor'] as const) {
    await eventually(() => system.logOf(service).some((line) => line.includes(traceId)));
  }
}
