import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { promisify } from 'node:util';
import { Client, credentials, type ServiceError, status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  type CreateOrderRequest,
  type OrderServiceClient,
  OrderStatus,
  PaymentMode,
  RefundStatus,
} from '#order-service/grpc/protobuf/oms/v1/order_service.ts';
import { newId } from '#shared/kernel/ids.ts';
import { eventually } from '../support/eventually.ts';
import { call, connectOrders, refusalOf } from '../support/grpc-client.ts';
import { grpcHealthOf } from '../support/grpc-health.ts';
import { createTestSystem, orderClient, type TestSystem } from '../support/system.ts';

/** Nobody processes these orders: what the order-service does by itself is the subject. */
let system: TestSystem;
let client: OrderServiceClient;

beforeAll(async () => {
  system = await createTestSystem({ services: ['order'] });
  client = connectOrders(system.grpcAddress);
});
afterAll(async () => {
  client?.close();
  await system?.dispose();
});

const eur = (amountMinor: bigint) => ({ currency: 'EUR', amountMinor });

function orderRequest(more: Partial<CreateOrderRequest> = {}): CreateOrderRequest {
  return {
    customerId: `customer-${newId()}`,
    currency: 'EUR',
    items: [{ sku: 'SKU-001', quantity: 2, unitPrice: eur(1_999n) }],
    paymentMode: PaymentMode.UNSPECIFIED,
    description: undefined,
    metadata: {},
    ...more,
  };
}

async function place(more: Partial<CreateOrderRequest> = {}) {
  const { response } = await call(client, client.createOrder, orderRequest(more));
  return response.order!;
}

/** As if the processor had said so. */
async function pretend(id: string, state: string, paidMinor = 0): Promise<void> {
  const sql = 'UPDATE orders SET status = $2, paid_minor = $3 WHERE id = $1';
  await system.orderDatabase.pool.query(sql, [id, state, paidMinor]);
}

describe('orders over gRPC', () => {
  test('are the same as over HTTP', async () => {
    const placed = await place({ description: 'a gift', metadata: { colour: 'red' } });
    expect(placed).toMatchObject({
      status: OrderStatus.PENDING,
      total: eur(3_998n),
      paid: eur(0n),
      paymentMode: PaymentMode.AUTOMATIC,
      description: 'a gift',
      metadata: { colour: 'red' },
      version: 1,
    });
    expect(await orderClient(system.urls.order).get(placed.id)).toMatchObject({ totalMinor: 3_998 });
    const { response } = await call(client, client.getOrder, { orderId: placed.id });
    expect(response.order).toEqual(placed);
    const short = await call(client, client.getOrderStatus, { orderId: placed.id });
    expect(short.response).toEqual({
      orderId: placed.id,
      status: OrderStatus.PENDING,
      version: 1,
      failure: undefined,
      updateTime: placed.updateTime,
    });
  });

  test('are listed page by page', async () => {
    const customerId = `customer-${newId()}`;
    const ids = [await place({ customerId }), await place({ customerId }), await place({ customerId })].map(
      ({ id }) => id,
    );
    const page = (pageToken: string) =>
      call(client, client.listOrders, {
        customerId,
        status: OrderStatus.PENDING,
        pageSize: 2,
        pageToken,
      });
    const first = (await page('')).response;
    const second = (await page(first.nextPageToken)).response;
    expect([...first.orders, ...second.orders].map(({ id }) => id)).toEqual(ids.reverse());
    expect(second.nextPageToken).toBe('');
  });

  test('are paid, cancelled, refunded and finished by the same rules', async () => {
    const manual = await place({ paymentMode: PaymentMode.MANUAL });
    const paid = await call(client, client.payOrder, { orderId: manual.id, expectedVersion: 1 });
    expect(paid.response.order).toMatchObject({ paymentRequested: true, version: 2 });

    const cancelled = await call(client, client.cancelOrder, {
      orderId: manual.id,
      reason: 'changed my mind',
      expectedVersion: undefined,
    });
    expect(cancelled.response.order?.cancellation).toMatchObject({ reason: 'changed my mind' });

    const { id: orderId } = await place();
    await pretend(orderId, 'completed', 3_998);
    const finished = await call(client, client.markOrderFinished, { orderId, expectedVersion: undefined });
    expect(finished.response.order?.status).toBe(OrderStatus.FULFILLED);

    const refundId = newId();
    const refund = { orderId, amount: eur(500n), refundId, reason: 'scratched', expectedVersion: undefined };
    for (const _again of [1, 2]) {
      const refunded = await call(client, client.refundOrder, refund);
      expect(refunded.response.order?.refunds).toEqual([
        { id: refundId, amount: eur(500n), reason: 'scratched', status: RefundStatus.REQUESTED },
      ]);
    }
    const dollars = { ...refund, refundId: newId(), amount: { currency: 'USD', amountMinor: 1n } };
    expect(await refusalOf(call(client, client.refundOrder, dollars))).toMatchObject({
      code: status.INVALID_ARGUMENT,
      fields: ['amount.currency'],
    });
  });

  test('carry the correlation id and the trace into their history, and the id back', async () => {
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    const metadata = { 'x-correlation-id': 'from-grpc', traceparent };
    const { response, initial } = await call(client, client.createOrder, orderRequest(), { metadata });
    expect(initial.get('x-correlation-id')).toEqual(['from-grpc']);
    const { rows } = await system.orderDatabase.pool.query(
      'SELECT correlation_id, traceparent FROM order_events WHERE order_id = $1',
      [response.order!.id],
    );
    expect(rows).toEqual([{ correlation_id: 'from-grpc', traceparent }]);
  });
});

test('with an idempotency key a call is carried out once, also over HTTP, and a repetition says so', async () => {
  const key = newId();
  const request = orderRequest();
  const metadata = { 'idempotency-key': key };
  const [first, again] = [
    await call(client, client.createOrder, request, { metadata }),
    await call(client, client.createOrder, request, { metadata }),
  ];
  expect(again.response).toEqual(first.response);
  expect([first, again].map(({ trailer }) => trailer.get('idempotent-replayed'))).toEqual([[], ['true']]);
  const other = call(client, client.createOrder, orderRequest(), { metadata });
  expect(await refusalOf(other)).toMatchObject({
    code: status.FAILED_PRECONDITION,
    reason: 'IDEMPOTENCY_KEY_REUSED',
  });

  const { customerId, currency } = request;
  const items = [{ sku: 'SKU-001', quantity: 2, unitPrice: { amountMinor: 1_999, currency } }];
  const overHttp = await fetch(`${system.urls.order}/orders`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...metadata },
    body: JSON.stringify({ customerId, currency, items }),
  });
  expect(await overHttp.json()).toMatchObject({ id: first.response.order!.id });
});

test.each([
  ['"a quoted one"', status.OK],
  ['', status.INVALID_ARGUMENT],
  ['not quoted', status.INVALID_ARGUMENT],
  ['with"quotes"inside', status.INVALID_ARGUMENT],
  ['x'.repeat(256), status.INVALID_ARGUMENT],
])('the idempotency key %s is judged as over HTTP', async (key, expected) => {
  const request = orderRequest();
  const calling = call(client, client.createOrder, request, { metadata: { 'idempotency-key': key } });
  const code = await calling.then(
    () => status.OK,
    (error: ServiceError) => error.code,
  );
  const { customerId, currency } = request;
  const items = [{ sku: 'SKU-001', quantity: 2, unitPrice: { amountMinor: 1_999, currency } }];
  const { status: httpStatus } = await fetch(`${system.urls.order}/orders`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': key },
    body: JSON.stringify({ customerId, currency, items }),
  });
  expect([code, httpStatus]).toEqual([expected, expected === status.OK ? 201 : 400]);
});

describe('a refusal', () => {
  test('names every wrong field', async () => {
    const request = orderRequest({
      customerId: '',
      items: [
        { sku: 'SKU-001', quantity: 0, unitPrice: eur(2n ** 62n) },
        { sku: 'SKU-002', quantity: 1, unitPrice: undefined },
      ],
    });
    const refusal = await refusalOf(call(client, client.createOrder, request));
    expect(refusal).toMatchObject({ code: status.INVALID_ARGUMENT, reason: 'VALIDATION_FAILED' });
    expect([...new Set(refusal.fields)].sort()).toEqual([
      'customer_id',
      'items[0].quantity',
      'items[0].unit_price.amount_minor',
      'items[1].unit_price',
    ]);
    expect(refusal.message).toContain('items[1].unit_price: is required');
  });

  test.each([
    ['an id that is none', 'nonsense', status.INVALID_ARGUMENT, 'VALIDATION_FAILED'],
    ['an order that is not there', newId(), status.NOT_FOUND, 'ORDER_NOT_FOUND'],
  ])('of %s has its code', async (_what, orderId, code, reason) => {
    expect(await refusalOf(call(client, client.getOrder, { orderId }))).toMatchObject({ code, reason });
  });

  test('of another version than expected, and of a state that does not allow it, has its code', async () => {
    const { id: orderId } = await place();
    const stale = call(client, client.cancelOrder, { orderId, reason: undefined, expectedVersion: 7 });
    expect(await refusalOf(stale)).toMatchObject({ code: status.ABORTED, reason: 'PRECONDITION_FAILED' });
    const early = call(client, client.markOrderFinished, { orderId, expectedVersion: undefined });
    expect(await refusalOf(early)).toMatchObject({
      code: status.FAILED_PRECONDITION,
      reason: 'ORDER_STATE_CONFLICT',
    });
  });

  test('of a request beyond the limit comes before it is read', async () => {
    const huge = orderRequest({ description: 'x'.repeat(300_000) });
    const { code } = await refusalOf(call(client, client.createOrder, huge));
    expect(code).toBe(status.RESOURCE_EXHAUSTED);
  });
});

test('when the caller is gone no further attempt is made to change the order', async () => {
  const { id: orderId } = await place();
  const lock = await system.orderDatabase.pool.connect();
  try {
    await lock.query('BEGIN');
    await lock.query('UPDATE orders SET version = version + 1 WHERE id = $1', [orderId]);
    // It has read the order, waits for the lock, and finds then that another change came first.
    const late = call(
      client,
      client.cancelOrder,
      { orderId, reason: undefined, expectedVersion: undefined },
      { deadlineMs: 1_000 },
    );
    expect((await refusalOf(late)).code).toBe(status.DEADLINE_EXCEEDED);
    await lock.query('COMMIT');
  } finally {
    lock.release();
  }
  const waiting = `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND state = 'active'
    AND pid <> pg_backend_pid()`;
  await eventually(async () => (await system.orderDatabase.pool.query(waiting)).rowCount === 0);
  const { response } = await call(client, client.getOrder, { orderId });
  expect(response.order).toMatchObject({ cancellation: undefined, version: 2 });
});

test('reflection lists the services', async () => {
  const services = await reflectedServices(system.grpcAddress);
  expect(services).toEqual(expect.arrayContaining(['oms.v1.OrderService', 'grpc.health.v1.Health']));
});

test('reflection describes them well enough to call the health service without its file', async () => {
  const buf = createRequire(import.meta.url)
    .resolve('@bufbuild/buf/package.json')
    .replace(/package.json$/, 'bin/buf');
  const url = `http://${system.grpcAddress}/grpc.health.v1.Health/Check`;
  const args = ['curl', '--protocol', 'grpc', '--http2-prior-knowledge', '--reflect', '-d', '{}', url];
  // Elsewhere, as buf takes the files of this folder otherwise.
  const { stdout } = await promisify(execFile)(process.execPath, [buf, ...args], { cwd: tmpdir() });
  expect(JSON.parse(stdout)).toEqual({ status: 'SERVING' });
});

test('health tells what readiness tells, and calls under way are finished before the service ends', async () => {
  expect(await grpcHealthOf(system.grpcAddress, 'oms.v1.OrderService')).toBe('SERVING');
  const { id: orderId } = await place();
  const lock = await system.orderDatabase.pool.connect();
  await lock.query('BEGIN');
  await lock.query('SELECT 1 FROM orders WHERE id = $1 FOR UPDATE', [orderId]);
  const underWay = call(client, client.cancelOrder, {
    orderId,
    reason: undefined,
    expectedVersion: undefined,
  });
  const blocked = `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`;
  await eventually(async () => (await system.orderDatabase.pool.query(blocked)).rowCount === 1);

  const stopped = system.stop('order');
  await eventually(() => system.logOf('order').some((line) => line.includes('"stopping"')));
  await lock.query('COMMIT');
  lock.release();
  expect((await underWay).response.order).toMatchObject({ version: 2 });
  expect((await stopped).code).toBe(0);
  await system.start('order');
});

/** ServerReflectionRequest { list_services = 7: "" }, and what the answer says in its raw bytes. */
function reflectedServices(address: string): Promise<readonly string[]> {
  const reflection = new Client(address, credentials.createInsecure());
  const raw = (bytes: Buffer) => bytes;
  const stream = reflection.makeBidiStreamRequest(
    '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo',
    raw,
    raw,
  );
  return new Promise<readonly string[]>((resolve, reject) => {
    stream.on('data', (answer: Buffer) => resolve(answer.toString('latin1').match(/[\w.]{8,}/g) ?? []));
    stream.on('error', reject);
    stream.write(Buffer.from([0x3a, 0x01, 0x2a]));
    stream.end();
  }).finally(() => reflection.close());
}
