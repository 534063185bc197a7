/**
 * Places an order, waits until it is completed and prints its path: `node place-order.ts BASE_URL`, over REST where the
 * URL is http:, over gRPC where it is grpc:. With a path as second argument it looks at that order instead. TOKEN is the
 * access token of customer-1. Exits with 1 when the order is not completed in time.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { credentials, Metadata } from '@grpc/grpc-js';
import {
  OrderServiceClient,
  OrderStatus,
  PaymentMode,
} from '#order-service/grpc/protobuf/oms/v1/order_service.ts';

/** One way into the order-service. */
interface Door {
  /** @returns the path of the order at the REST API. @throws what the service says against it. */
  place(): Promise<string>;
  /** What the order at this path has come to: 'completed', or anything else to show. */
  look(path: string): Promise<string>;
}

const timeoutMs = 30_000;
const authorization = `Bearer ${process.env.TOKEN}`;
const order = {
  customerId: 'customer-1',
  currency: 'EUR',
  items: [{ sku: 'SKU-001', quantity: 2, unitPrice: { amountMinor: 1500, currency: 'EUR' } }],
};

function openRest(baseUrl: string): Door {
  return {
    async place() {
      const response = await fetch(`${baseUrl}/orders`, {
        method: 'POST',
        headers: { authorization, 'content-type': 'application/json' },
        body: JSON.stringify(order),
      });
      const path = response.headers.get('location');
      if (response.status === 201 && path !== null) return path;
      throw new Error(`POST /orders: ${response.status} ${await response.text()}`);
    },
    async look(path) {
      const response = await fetch(new URL(path, baseUrl), { headers: { authorization } });
      const answer = await response.text();
      return response.ok && JSON.parse(answer).status === 'completed'
        ? 'completed'
        : `GET ${path}: ${response.status} ${answer}`;
    },
  };
}

function openGrpc(address: string): Door {
  const client = new OrderServiceClient(address, credentials.createInsecure());
  const metadata = new Metadata();
  metadata.set('authorization', authorization);
  const items = order.items.map(({ sku, quantity, unitPrice: { currency, amountMinor } }) => {
    return { sku, quantity, unitPrice: { currency, amountMinor: BigInt(amountMinor) } };
  });
  return {
    place: () =>
      new Promise((resolve, reject) => {
        const request = { ...order, items, paymentMode: PaymentMode.UNSPECIFIED, metadata: {} };
        client.createOrder({ ...request, description: undefined }, metadata, (error, answer) => {
          if (error) reject(error);
          else resolve(`/orders/${answer.order?.id}`);
        });
      }),
    look: (path) =>
      new Promise((resolve, reject) => {
        const orderId = path.slice('/orders/'.length);
        client.getOrderStatus({ orderId }, metadata, (error, answer) => {
          if (error) reject(error);
          else if (answer.status === OrderStatus.COMPLETED) resolve('completed');
          else resolve(`GetOrderStatus of ${orderId}: ${answer.status}`);
        });
      }),
  };
}

const [, , baseUrl, known] = process.argv;
if (baseUrl === undefined) throw new Error('usage: node place-order.ts BASE_URL [PATH]');
const { protocol, host } = new URL(baseUrl);
const door = protocol === 'grpc:' ? openGrpc(host) : openRest(baseUrl);
const path = known ?? (await door.place());
const deadline = Date.now() + timeoutMs;
for (;;) {
  const found = await door.look(path);
  if (found === 'completed') break;
  if (Date.now() > deadline) throw new Error(found);
  await delay(100);
}
console.log(path);
process.exit();
