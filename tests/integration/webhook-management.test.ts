import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Webhook as Verifier } from 'standardwebhooks';
import type { NewWebhook } from '#order-service/application/manage-webhooks.ts';
import type { Caller } from '#shared/auth/caller.ts';
import { newId } from '#shared/kernel/ids.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { startWebhookReceiver, type WebhookReceiver } from '../support/webhook-receiver.ts';
import { type OpenWebhooks, openWebhooks } from './support/webhooks.ts';

let database: TestDatabase;
let receiver: WebhookReceiver;
let webhooks: OpenWebhooks;
let ada: Caller;

beforeAll(async () => {
  database = await createTestDatabase('order');
  receiver = await startWebhookReceiver();
  webhooks = openWebhooks(database.url);
  webhooks.dispatcher.start();
});
afterAll(async () => {
  await webhooks.close();
  await receiver.close();
  await database.drop();
});
beforeEach(() => {
  ada = { subject: newId(), scopes: new Set(['orders:read', 'orders:write']) };
  receiver.received.length = 0;
});

const subscribe = (wish: Partial<NewWebhook> = {}, by = ada) =>
  webhooks.manage.subscribe(
    { scope: 'own', url: receiver.url, eventTypes: [], description: null, ...wish },
    by,
  );

/** How it arrives. */
async function arrivalOf(delivery: Promise<{ id: string }>) {
  const { id } = await delivery;
  const find = () => receiver.received.find(({ headers }) => headers['webhook-id'] === id);
  await eventually(() => find() !== undefined);
  return find()!;
}

describe('subscribing', () => {
  test('is refused where nothing may be sent to, and leaves nothing behind', async () => {
    for (const url of ['http://10.0.0.1/', 'https://10.0.0.1/', 'https://nowhere.example/', 'nonsense']) {
      await expect(subscribe({ url })).rejects.toMatchObject({ code: 'WEBHOOK_URL_REFUSED' });
    }
    expect((await webhooks.manage.list({ limit: 10 }, ada)).items).toEqual([]);
  });

  test('to the orders of everybody is for administrators', async () => {
    await expect(subscribe({ scope: 'all' })).rejects.toMatchObject({ code: 'FORBIDDEN' });
    const admin: Caller = { subject: newId(), scopes: new Set(['orders:admin']) };
    expect(await subscribe({ scope: 'all' }, admin)).toMatchObject({ webhook: { scope: 'all' } });
  });

  test('has an end, also when everything is asked at once', async () => {
    const outcomes = await Promise.allSettled(Array.from({ length: 30 }, () => subscribe()));
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(20);
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'TOO_MANY_WEBHOOKS' });
    }
    const pages = [await webhooks.manage.list({ limit: 15 }, ada)];
    pages.push(await webhooks.manage.list({ limit: 15, cursor: pages[0]?.nextCursor }, ada));
    expect(pages.map(({ items }) => items.length)).toEqual([15, 5]);
    expect(pages[1]?.nextCursor).toBeUndefined();
    const ids = pages.flatMap(({ items }) => items.map(({ id }) => id));
    expect(ids).toEqual(ids.toSorted().toReversed());
    await webhooks.manage.remove(ids[0] ?? '', ada);
    expect(await subscribe()).toBeDefined();
  });
});

test('neither other customers nor operators without orders:admin can tell that a webhook is there', async () => {
  const { webhook } = await subscribe();
  const { id: deliveryId } = await webhooks.manage.sendTest(webhook.id, ada);
  const { manage } = webhooks;
  const eve: Caller = { subject: newId(), scopes: new Set(['orders:read', 'orders:write', 'ops']) };
  const attempts = (id: string) => [
    manage.get(id, eve),
    manage.change(id, { status: 'disabled' }, eve),
    manage.rotateSecret(id, eve),
    manage.remove(id, eve),
    manage.listDeliveries(id, { limit: 1 }, eve),
    manage.redeliver(id, deliveryId, eve),
    manage.sendTest(id, eve),
  ];
  for (const id of [webhook.id, newId()]) {
    for (const outcome of await Promise.allSettled(attempts(id))) {
      expect(outcome).toMatchObject({
        status: 'rejected',
        reason: { code: 'WEBHOOK_NOT_FOUND', message: `there is no webhook ${id}` },
      });
    }
  }
  expect((await manage.list({ limit: 9 }, eve)).items).toEqual([]);
  const { webhook: own } = await subscribe({}, eve);
  await expect(manage.redeliver(own.id, deliveryId, eve)).rejects.toMatchObject({
    code: 'DELIVERY_NOT_FOUND',
  });
  expect(await manage.get(webhook.id, ada)).toEqual(webhook);
});

test('an administrator sees and ends the webhooks of everybody, also of one who is no administrator any more', async () => {
  const admin: Caller = { subject: newId(), scopes: new Set(['orders:admin']) };
  const { webhook } = await subscribe({ scope: 'all' }, { ...ada, scopes: admin.scopes });
  const { manage } = webhooks;
  expect((await manage.list({ limit: 1 }, admin)).items).toEqual([webhook]);
  for (const attempt of [
    manage.rotateSecret(webhook.id, admin),
    manage.change(webhook.id, { url: `${receiver.url}/mine` }, admin),
    manage.change(webhook.id, { status: 'disabled', url: `${receiver.url}/mine` }, admin),
    manage.change(webhook.id, { status: 'enabled' }, admin),
  ])
    await expect(attempt).rejects.toMatchObject({ code: 'NOT_THE_OWNER' });
  expect(await manage.change(webhook.id, { status: 'disabled' }, admin)).toMatchObject({
    owner: ada.subject,
    status: 'disabled',
  });
  await manage.remove(webhook.id, admin);
  await expect(manage.get(webhook.id, ada)).rejects.toMatchObject({ code: 'WEBHOOK_NOT_FOUND' });
});

test('a rotated secret signs at once, and each one before it for a day more', async () => {
  const { webhook, secret: first } = await subscribe();
  const sendTest = () => arrivalOf(webhooks.manage.sendTest(webhook.id, ada));
  await webhooks.manage.rotateSecret(webhook.id, ada); // and its answer is lost
  const { webhook: rotated, secret: third } = await webhooks.manage.rotateSecret(webhook.id, ada);
  expect(rotated.secretsReplacedAt).toHaveLength(2);
  const overlapping = await sendTest();
  for (const secret of [first, third]) {
    expect(new Verifier(secret).verify(overlapping.body, overlapping.headers)).toMatchObject({
      type: 'webhook.test',
      data: { webhookId: webhook.id },
    });
  }

  await database.pool.query(
    `UPDATE webhooks SET secrets_replaced_at = ARRAY[now() - interval '1 day', now()] WHERE id = $1`,
    [webhook.id],
  );
  const later = await sendTest();
  new Verifier(third).verify(later.body, later.headers);
  expect(() => new Verifier(first).verify(later.body, later.headers)).toThrow('No matching signature');
});

test('no secret is in the database', async () => {
  const { webhook, secret } = await subscribe();
  const { rows } = await database.pool.query('SELECT * FROM webhooks WHERE id = $1', [webhook.id]);
  const stored = JSON.stringify(rows);
  expect(stored).toContain(webhook.id);
  const bytes = Buffer.from(secret.slice('whsec_'.length), 'base64');
  for (const form of [secret, bytes.toString('base64'), bytes.toString('hex')])
    expect(stored).not.toContain(form);
});

test('a webhook can be changed, also to another address that may be sent to', async () => {
  const { webhook } = await subscribe({ description: 'before' });
  const { manage } = webhooks;
  await expect(manage.change(webhook.id, { url: 'https://10.0.0.1/' }, ada)).rejects.toMatchObject({
    code: 'WEBHOOK_URL_REFUSED',
  });
  const change = { url: `${receiver.url}/elsewhere`, eventTypes: ['order.paid'], description: null } as const;
  const changed = await manage.change(webhook.id, change, ada);
  expect(changed).toMatchObject({ ...change, secretsReplacedAt: [], status: 'enabled' });
  const { path } = await arrivalOf(manage.sendTest(webhook.id, ada));
  expect(path).toBe('/elsewhere');

  const disabled = await manage.change(webhook.id, { status: 'disabled' }, ada);
  expect(disabled).toMatchObject({ status: 'disabled', disabledReason: 'asked' });
  await expect(manage.sendTest(webhook.id, ada)).rejects.toMatchObject({ code: 'WEBHOOK_DISABLED' });
});

test('the delivery log is read page by page, and by status', async () => {
  const { webhook } = await subscribe();
  for (let count = 0; count < 5; count += 1) await webhooks.manage.sendTest(webhook.id, ada);
  const list = (query: object) => webhooks.manage.listDeliveries(webhook.id, { limit: 3, ...query }, ada);
  await eventually(async () => (await list({ status: 'pending' })).items.length === 0);
  const first = await list({ status: 'delivered' });
  const second = await list({ status: 'delivered', cursor: first.nextCursor });
  const ids = [...first.items, ...second.items].map(({ id }) => id);
  expect(ids).toHaveLength(5);
  expect(ids).toEqual(ids.toSorted().toReversed());
  expect((await list({ status: 'failed' })).items).toEqual([]);
});
