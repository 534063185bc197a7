import { Metadata, status } from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import {
  type OrderServiceClient,
  OrderServiceService,
} from '#order-service/grpc/protobuf/oms/v1/order_service.ts';
import { connectOrders } from '../support/grpc-client.ts';
import { withHostilePart } from '../support/hostile-values.ts';
import { createTestSystem, orderBody, orderClient, type TestSystem } from '../support/system.ts';

let system: TestSystem;
let client: OrderServiceClient;
let requests: Record<keyof typeof OrderServiceService, object>;

beforeAll(async () => {
  system = await createTestSystem();
  client = connectOrders(system.grpcAddress);
  const { id: orderId } = await orderClient(system.urls.order).place(orderBody());
  const amount = { currency: 'EUR', amountMinor: 1n };
  const change = { orderId, reason: 'none', expectedVersion: 1 };
  requests = {
    createOrder: {
      customerId: 'c',
      currency: 'EUR',
      items: [{ sku: 'SKU-001', quantity: 1, unitPrice: amount }],
      paymentMode: 1,
      description: 'd',
      metadata: { key: 'value' },
    },
    getOrder: { orderId },
    listOrders: { customerId: 'c', status: 1, pageSize: 1, pageToken: orderId },
    getOrderStatus: { orderId },
    watchOrder: { orderId, afterVersion: 1 },
    payOrder: change,
    cancelOrder: change,
    refundOrder: { ...change, amount, refundId: orderId },
    markOrderFinished: change,
  };
});
afterAll(async () => {
  client?.close();
  await system?.dispose();
});

const hostileTexts = ['', ' ', '\u0000', '\u202e', 'x'.repeat(5_000), '../..', "' OR 1=1 --", '-1', '😀'];
const hostileNumbers = [-1, 0, 2 ** 31 - 1, -(2 ** 31)];
const hostileAmounts = [-1n, 0n, 2n ** 53n, 2n ** 63n - 1n, -(2n ** 63n)];

/** What a client of the generated code can send in its place. */
function sendableVariants(value: unknown): readonly unknown[] {
  if (typeof value === 'string') return hostileTexts;
  if (typeof value === 'number') return hostileNumbers;
  if (typeof value === 'bigint') return hostileAmounts;
  if (Array.isArray(value)) {
    const [item] = value as [object];
    return [[], Array(500).fill(item), ...withHostilePart(item, sendableVariants).map((odd) => [odd])];
  }
  const isMoney = 'amountMinor' in (value as object);
  return [isMoney ? undefined : {}, ...withHostilePart(value as object, sendableVariants)];
}

/** How a call to any method ends, unary or streaming: a stream that goes on is given up. */
async function statusOf(name: keyof typeof OrderServiceService, request: object, metadata: Metadata) {
  const { path, requestSerialize } = OrderServiceService[name];
  const serialize = requestSerialize as (message: object) => Buffer;
  const asItIs = (bytes: Buffer) => bytes;
  const deadline = Date.now() + 5_000;
  const running = client.makeServerStreamRequest(path, serialize, asItIs, request, metadata, { deadline });
  return new Promise<status>((resolve) => {
    running.on('data', () => running.cancel());
    running.on('error', () => {});
    running.on('status', ({ code }) => resolve(code));
  });
}

const ours = [
  status.INTERNAL,
  status.UNKNOWN,
  status.UNAVAILABLE,
  status.DEADLINE_EXCEEDED,
  status.DATA_LOSS,
];

test.each(Object.keys(OrderServiceService) as (keyof typeof OrderServiceService)[])(
  'no rubbish in a request makes %s fail of our own',
  async (name) => {
    const variants = withHostilePart(requests[name], sendableVariants);
    expect(variants.length).toBeGreaterThan(8);
    for (const request of variants) {
      const code = await statusOf(name, request, new Metadata());
      const told = JSON.stringify(request, (_key, value) =>
        typeof value === 'bigint' ? `${value}n` : value,
      ).slice(0, 300);
      expect([told, ours.includes(code) ? status[code] : 'well']).toEqual([told, 'well']);
    }
  },
);

test.each(['idempotency-key', 'x-correlation-id', 'traceparent', 'authorization', 'grpc-timeout'])(
  'no rubbish as %s makes a call fail of our own',
  async (key) => {
    for (const text of ['', ' ', '-1', 'x'.repeat(5_000), "' OR 1=1 --", '00-00-00-00']) {
      const metadata = new Metadata();
      metadata.set(key, text);
      const code = await statusOf('createOrder', requests.createOrder, metadata);
      expect([text, ours.includes(code) ? status[code] : 'well']).toEqual([text, 'well']);
    }
  },
);
