import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Webhook as Verifier } from 'standardwebhooks';
import type { NewWebhook } from '#order-service/application/manage-webhooks.ts';
import { measureOverdueDeliveries } from '#order-service/infrastructure/postgres/sql/webhook-deliveries.ts';
import type { Caller } from '#shared/auth/caller.ts';
import { newId } from '#shared/kernel/ids.ts';
import { query } from '#shared/postgres/statement.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { startWebhookReceiver, type WebhookReceiver } from '../support/webhook-receiver.ts';
import { type OpenOrderRepository, openOrderRepository, placementOf } from './support/orders.ts';
import { type OpenWebhooks, openWebhooks } from './support/webhooks.ts';

let database: TestDatabase;
let orders: OpenOrderRepository;
let one: OpenWebhooks;
let other: OpenWebhooks;
let receiver: WebhookReceiver;
/** Each test has a customer of its own. */
let ada: Caller;

beforeAll(async () => {
  database = await createTestDatabase('order');
  orders = openOrderRepository(database.url);
});
afterAll(async () => {
  await orders.close();
  await database.drop();
});
beforeEach(async () => {
  ada = { subject: newId(), scopes: new Set() };
  receiver = await startWebhookReceiver();
  one = openWebhooks(database.url);
  other = openWebhooks(database.url);
});
afterEach(async () => {
  await receiver.close();
  await Promise.all([one.close(), other.close()]);
  await database.pool.query('DELETE FROM webhooks');
  await database.pool.query('DELETE FROM webhook_deliveries');
});

const subscribe = (wish: Partial<NewWebhook> = {}) =>
  one.manage.subscribe({ scope: 'own', url: receiver.url, eventTypes: [], description: null, ...wish }, ada);

async function place(customerId = ada.subject): Promise<string> {
  const placement = placementOf({ customerId });
  await orders.orders.place(placement);
  return placement.order.id;
}

const logOf = async (webhookId: string) => {
  const { items } = await one.manage.listDeliveries(webhookId, { limit: 100 }, ada);
  return items;
};
const finished = (webhookId: string, count = 1) =>
  eventually(async () => {
    const deliveries = await logOf(webhookId);
    const done = deliveries.filter(({ status }) => status !== 'pending');
    return done.length >= count && done;
  });

describe('a webhook', () => {
  test('is told of an order of its owner, signed so that a receiver can verify it', async () => {
    const { webhook, secret } = await subscribe();
    one.dispatcher.start();
    const orderId = await place();
    await place(newId());
    const [delivery] = await finished(webhook.id);
    expect(delivery).toMatchObject({ status: 'delivered', attempts: 1, orderId, version: 1 });
    expect(delivery?.attemptLog).toMatchObject([{ statusCode: 204 }]);
    expect(receiver.received).toHaveLength(1);
    const [{ body, headers } = { body: '', headers: {} }] = receiver.received;
    expect(body).toBe(delivery?.payload);
    expect(headers).toMatchObject({ 'webhook-id': delivery?.id, 'content-type': 'application/json' });
    expect(new Verifier(secret).verify(body, headers)).toEqual({
      type: 'order.placed',
      timestamp: expect.stringMatching(/^\d{4}-.*Z$/),
      data: {
        orderId,
        customerId: ada.subject,
        status: 'pending',
        version: 1,
        details: expect.objectContaining({ totalMinor: 3_998 }),
      },
    });
    expect(() => new Verifier(secret).verify(`${body} `, headers)).toThrow('No matching signature');
  });

  test('is told of nothing that is not stored, and of everything that is', async () => {
    const { webhook } = await subscribe();
    const placement = placementOf({ customerId: ada.subject });
    await orders.orders.place(placement);
    await expect(orders.orders.place(placement)).rejects.toMatchObject({ code: 'INTERNAL' });
    expect(await logOf(webhook.id)).toHaveLength(1);
  });

  test('is overdue from when it should have been sent until it is, or is not wanted any more', async () => {
    const { pool } = database;
    const overdueSeconds = async (): Promise<number> => {
      const [found] = await query<{ overdueSeconds: number }>(pool, measureOverdueDeliveries, []);
      return Math.floor((found?.overdueSeconds ?? Number.NaN) / 60) * 60;
    };
    expect(await overdueSeconds()).toBe(0);
    const { webhook: prompt } = await subscribe();
    const { webhook: late } = await subscribe();
    await place();
    await place();
    const isDueIn = (minutes: number, webhookId: string) =>
      pool.query(
        `UPDATE webhook_deliveries SET next_attempt_at = now() + $1 * interval '1 minute'
         WHERE id = (SELECT max(id::text)::uuid FROM webhook_deliveries WHERE webhook_id = $2)`,
        [minutes, webhookId],
      );
    await pool.query(`UPDATE webhook_deliveries SET next_attempt_at = now() + interval '1 hour'`);
    expect(await overdueSeconds()).toBe(0);
    await isDueIn(-5, late.id);
    await isDueIn(-2, prompt.id);
    expect(await overdueSeconds()).toBe(300);
    await one.manage.change(late.id, { status: 'disabled' }, ada);
    expect(await overdueSeconds()).toBe(120);
  });

  test('of an administrator may be told of the orders of everybody', async () => {
    ada = { ...ada, scopes: new Set(['orders:admin']) };
    const { webhook } = await subscribe({ scope: 'all' });
    await Promise.all(Array.from({ length: 30 }, () => place(newId())));
    expect(await logOf(webhook.id)).toHaveLength(30);
  });

  test('is told of the types it wants', async () => {
    const { webhook } = await subscribe({ eventTypes: ['order.completed'] });
    const { webhook: open } = await subscribe({ eventTypes: ['order.completed', 'order.placed'] });
    await place();
    expect(await logOf(webhook.id)).toEqual([]);
    expect(await logOf(open.id)).toHaveLength(1);
  });

  test('that is disabled is told of nothing, and what waited for it is given up', async () => {
    const { webhook } = await subscribe();
    await place();
    await one.manage.change(webhook.id, { status: 'disabled' }, ada);
    await place();
    expect(await one.deliveries.giveUp(100)).toBe(1);
    expect(await logOf(webhook.id)).toMatchObject([{ status: 'failed', attempts: 0 }]);
  });
});

describe('a delivery', () => {
  test('that fails is repeated under the same id until it arrives', async () => {
    const { webhook } = await subscribe();
    receiver.answer = (response) =>
      response.writeHead(receiver.received.length < 3 ? 500 : 200).end('no\0 thanks'.repeat(300));
    one.dispatcher.start();
    await place();
    const [delivery] = await finished(webhook.id);
    expect(delivery).toMatchObject({ status: 'delivered', attempts: 3 });
    expect(delivery?.attemptLog.map(({ statusCode }) => statusCode)).toEqual([500, 500, 200]);
    expect(delivery?.attemptLog[0]?.response).toHaveLength(1_024);
    expect(new Set(receiver.received.map(({ headers }) => headers['webhook-id']))).toEqual(
      new Set([delivery?.id]),
    );
    expect(await one.manage.get(webhook.id, ada)).toMatchObject({ failingSince: null });
  });

  test.each([
    ['a redirect', 302, { location: '/elsewhere' }],
    ['an error', 404, {}],
  ])(
    'fails for good when every attempt ends in %s, and may be sent again by hand',
    async (_, status, headers) => {
      const { webhook } = await subscribe();
      receiver.answer = (response) => response.writeHead(status, headers).end();
      one.dispatcher.start();
      await place();
      const [failed] = await finished(webhook.id);
      expect(failed).toMatchObject({ status: 'failed', attempts: 4 });
      expect(receiver.received.map(({ path }) => path)).toEqual(['/', '/', '/', '/']);
      expect((await one.manage.get(webhook.id, ada)).failingSince).not.toBeNull();

      receiver.answer = (response) => response.writeHead(200).end();
      expect(await one.manage.redeliver(webhook.id, failed?.id ?? '', ada)).toMatchObject({
        status: 'pending',
      });
      const [delivered] = await eventually(async () => {
        const done = await finished(webhook.id);
        return done[0]?.status === 'delivered' && done;
      });
      expect(delivered).toMatchObject({ id: failed?.id, attempts: 1 });
      expect(delivered?.attemptLog).toHaveLength(5);
    },
  );

  test('that is answered with 410 disables the webhook', async () => {
    const { webhook } = await subscribe();
    receiver.answer = (response) => response.writeHead(410).end();
    one.dispatcher.start();
    await place();
    const [failed] = await finished(webhook.id);
    expect(failed).toMatchObject({ status: 'failed', attempts: 1 });
    expect(await one.manage.get(webhook.id, ada)).toMatchObject({
      status: 'disabled',
      disabledReason: 'gone',
    });
    await expect(one.manage.redeliver(webhook.id, failed?.id ?? '', ada)).rejects.toMatchObject({
      code: 'WEBHOOK_DISABLED',
    });
  });

  test('waits for as long as the receiver asks', async () => {
    const { webhook } = await subscribe();
    receiver.answer = (response) => response.writeHead(503, { 'retry-after': '3600' }).end();
    one.dispatcher.start();
    await place();
    const [delivery] = await eventually(async () => {
      const log = await logOf(webhook.id);
      return log[0]?.attempts === 1 && log;
    });
    const waits = (delivery?.nextAttemptAt?.getTime() ?? 0) - Date.now();
    expect(waits).toBeGreaterThan(3_500_000);
    expect(waits).toBeLessThanOrEqual(3_600_000);
  });

  test('to a receiver that hangs does not hold up others, however many wait for it', async () => {
    await one.close();
    // Longer than the test has patience.
    one = openWebhooks(database.url, { timeoutMs: 30_000 });
    const slow = await startWebhookReceiver();
    slow.answer = () => {};
    const { webhook } = await subscribe({ url: slow.url });
    // More than a process sends at the same time.
    await Promise.all(Array.from({ length: 250 }, () => place()));
    const { webhook: quick } = await subscribe();
    await place();
    one.dispatcher.start();
    await finished(quick.id);
    expect((await logOf(webhook.id)).every(({ attempts }) => attempts === 0)).toBe(true);
    await slow.close();
  });

  test('is made once by two replicas together', async () => {
    const { webhook } = await subscribe();
    await Promise.all(Array.from({ length: 60 }, () => place()));
    one.dispatcher.start();
    other.dispatcher.start();
    const done = await finished(webhook.id, 60);
    expect(done.every(({ status, attempts }) => status === 'delivered' && attempts === 1)).toBe(true);
    const ids = receiver.received.map(({ headers }) => headers['webhook-id']);
    expect(ids).toHaveLength(60);
    expect(new Set(ids).size).toBe(60);
  });

  test('is taken up by another replica once the lease is over, and the late one changes nothing', async () => {
    const { webhook } = await subscribe();
    await place();
    const claim = () => one.deliveries.claim({ limit: 9, perWebhook: 9, busy: new Map(), leaseMs: 60_000 });
    const [stalled] = await claim();
    expect(await claim()).toEqual([]);
    await database.pool.query(`UPDATE webhook_deliveries SET next_attempt_at = now() - interval '1 s'`);
    other.dispatcher.start();
    await finished(webhook.id);
    const attempt = { at: new Date().toISOString(), durationMs: 1, statusCode: 500 };
    const { id, leasedUntil } = stalled!;
    await one.deliveries.record({ id, leasedUntil, attempt, status: 'failed', isGone: true }, 1);
    expect(await logOf(webhook.id)).toMatchObject([{ status: 'delivered', attempts: 1 }]);
    expect(await one.manage.get(webhook.id, ada)).toMatchObject({ status: 'enabled' });
  });

  test('that is under way when the service stops is given back', async () => {
    const { webhook } = await subscribe();
    await one.close();
    one = openWebhooks(database.url, { timeoutMs: 30_000 });
    receiver.answer = () => {};
    one.dispatcher.start();
    await place();
    await eventually(() => receiver.received.length === 1);
    await one.dispatcher.stop();
    receiver.answer = (response) => response.writeHead(200).end();
    other.dispatcher.start();
    expect(await finished(webhook.id)).toMatchObject([{ status: 'delivered', attempts: 1 }]);
  });
});

test('a webhook that has failed for five days without one success is disabled', async () => {
  const { webhook } = await subscribe();
  receiver.answer = (response) => response.writeHead(500).end();
  one.dispatcher.start();
  const failAgain = async (failingFor: string) => {
    await database.pool.query(`UPDATE webhooks SET failing_since = now() - $1::interval`, [failingFor]);
    await place();
    const before = receiver.received.length;
    await eventually(() => receiver.received.length > before);
  };
  await failAgain('4 days 23 hours');
  await finished(webhook.id);
  expect(await one.manage.get(webhook.id, ada)).toMatchObject({ status: 'enabled' });
  await failAgain('5 days');
  await eventually(async () => (await one.manage.get(webhook.id, ada)).status === 'disabled');
  expect(await one.manage.get(webhook.id, ada)).toMatchObject({ disabledReason: 'failing' });
  await one.deliveries.giveUp(10);
  const log = await logOf(webhook.id);
  expect(log.map(({ status }) => status)).toEqual(['failed', 'failed']);

  const enabled = await one.manage.change(webhook.id, { status: 'enabled' }, ada);
  expect(enabled).toMatchObject({ disabledReason: null, failingSince: null });
  receiver.answer = (response) => response.writeHead(200).end();
  await one.manage.redeliver(webhook.id, log[0]?.id ?? '', ada);
  await eventually(async () => (await logOf(webhook.id))[0]?.status === 'delivered');
});

test('finished deliveries are deleted after a while, the others are not, however old', async () => {
  const { webhook } = await subscribe();
  await Promise.all(Array.from({ length: 3 }, () => place()));
  const [young, old, pending] = await logOf(webhook.id);
  const finish = (id = '', ago: string) =>
    database.pool.query(
      `UPDATE webhook_deliveries SET status = 'failed', finished_at = now() - $2::interval WHERE id = $1`,
      [id, ago],
    );
  await finish(young?.id, '1 minute');
  await finish(old?.id, '1 hour');
  expect(await one.deliveries.deleteFinished(1_800_000, 1)).toBe(1);
  expect(await one.deliveries.deleteFinished(1_800_000, 1)).toBe(0);
  expect((await logOf(webhook.id)).map(({ id }) => id)).toEqual([young?.id, pending?.id]);
});
