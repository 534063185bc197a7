import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { Webhook as Verifier } from 'standardwebhooks';
import { eventually } from '../support/eventually.ts';
import { createTestSystem, orderClient, type TestSystem } from '../support/system.ts';
import { startWebhookReceiver, typesAbout, type WebhookReceiver } from '../support/webhook-receiver.ts';
import { webhookPlace } from './survival.ts';

let system: TestSystem;
let receiver: WebhookReceiver;

beforeEach(async () => {
  receiver = await startWebhookReceiver();
  system = await createTestSystem({ settings: { WEBHOOK_TIMEOUT_MS: '1000' } });
});
afterEach(async () => {
  await receiver.close();
  await system.dispose();
});

async function subscribe(): Promise<string> {
  const response = await fetch(`${system.urls.order}/webhooks`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ url: receiver.url, scope: 'all' }),
  });
  expect(response.status).toBe(201);
  return ((await response.json()) as { secret: string }).secret;
}

test('webhooks tell everything, although kill -9 hits the order-service in the middle of deliveries', async () => {
  const secret = await subscribe();
  await system.stop('order');
  const armed = await system.startArmed('order', webhookPlace);
  const client = orderClient(system.urls.order);
  const placed = await Promise.allSettled(Array.from({ length: 10 }, () => client.place()));
  expect(await armed.exited).toEqual({ code: null, signal: 'SIGKILL' });
  await system.start('order');
  const accepted = placed.flatMap((one) => (one.status === 'fulfilled' ? [one.value.id] : []));
  expect(accepted.length).toBeGreaterThan(0);

  const arrived = new Map<string, string>();
  await eventually(
    async () => {
      const { rows } = await system.orderDatabase.pool.query<{ open: number }>(
        `SELECT count(*)::int AS open FROM orders LEFT JOIN webhook_deliveries AS delivery ON delivery.order_id = orders.id
           WHERE orders.status <> 'completed' OR delivery.status IS DISTINCT FROM 'delivered'`,
      );
      return rows[0]?.open === 0;
    },
    { withinMs: 40_000 },
  );
  for (const { body, headers } of receiver.received) {
    new Verifier(secret).verify(body, headers);
    const id = headers['webhook-id'] ?? '';
    // Whatever comes twice comes under the same id, and is the same.
    expect(arrived.get(id) ?? body).toBe(body);
    arrived.set(id, body);
  }
  for (const id of accepted) {
    const told = new Set(typesAbout(receiver, id));
    expect([...told]).toEqual(['order.placed', 'order.reserved', 'order.paid', 'order.completed']);
  }
  const { rows: history } = await system.orderDatabase.pool.query<{ events: number }>(
    'SELECT count(*)::int AS events FROM order_events',
  );
  expect(arrived.size).toBe(history[0]?.events);
  expect(receiver.received.length).toBeGreaterThan(arrived.size);
});
