/**
 * Places an order, waits until it is completed and prints its path: `node place-order.ts BASE_URL`. With a path as
 * second argument it looks at that order instead. TOKEN is the access token of customer-1. Exits with 1 when the order is
 * not completed in time.
 */
import { setTimeout as delay } from 'node:timers/promises';

const timeoutMs = 30_000;
const authorization = `Bearer ${process.env.TOKEN}`;

async function placeOrder(baseUrl: string): Promise<string> {
  const response = await fetch(`${baseUrl}/orders`, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/json' },
    body: JSON.stringify({
      customerId: 'customer-1',
      currency: 'EUR',
      items: [{ sku: 'SKU-001', quantity: 2, unitPrice: { amountMinor: 1500, currency: 'EUR' } }],
    }),
  });
  const path = response.headers.get('location');
  if (response.status !== 201 || path === null) {
    throw new Error(`POST /orders: ${response.status} ${await response.text()}`);
  }
  return path;
}

async function waitUntilCompleted(url: URL): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const response = await fetch(url, { headers: { authorization } });
    const answer = await response.text();
    if (response.ok && JSON.parse(answer).status === 'completed') return;
    if (Date.now() > deadline) throw new Error(`GET ${url.pathname}: ${response.status} ${answer}`);
    await delay(100);
  }
}

const [, , baseUrl, known] = process.argv;
if (baseUrl === undefined) throw new Error('usage: node place-order.ts BASE_URL [PATH]');
const path = known ?? (await placeOrder(baseUrl));
await waitUntilCompleted(new URL(path, baseUrl));
console.log(path);
