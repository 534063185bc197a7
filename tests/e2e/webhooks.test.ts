import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Webhook as Verifier } from 'standardwebhooks';
import { eventually } from '../support/eventually.ts';
import { createTestSystem, orderBody, orderClient, type TestSystem } from '../support/system.ts';
import { startWebhookReceiver, typesAbout, type WebhookReceiver } from '../support/webhook-receiver.ts';

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

interface WebhookView {
  readonly id: string;
  readonly secret: string;
  readonly status: string;
}

async function call<Answer>(method: string, path: string, body?: unknown): Promise<Answer> {
  const response = await fetch(`${system.urls.order}${path}`, {
    method,
    ...(body === undefined
      ? {}
      : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  });
  const answer = await response.text();
  if (!response.ok) throw new Error(`${response.status}: ${answer}`);
  return (answer === '' ? undefined : JSON.parse(answer)) as Answer;
}

const subscribe = (more: object = {}) =>
  call<WebhookView>('POST', '/webhooks', { url: receiver.url, scope: 'all', ...more });

describe('webhooks of the running system', () => {
  test('tell what becomes of an order, and no log tells a secret', async () => {
    const { id, secret } = await subscribe();
    const { secret: rotated } = await call<WebhookView>('POST', `/webhooks/${id}/rotate-secret`);
    const client = orderClient(system.urls.order);
    const order = await client.place(orderBody());
    const story = ['order.placed', 'order.reserved', 'order.paid', 'order.completed'];
    await eventually(() => typesAbout(receiver, order.id).length === story.length);
    expect(typesAbout(receiver, order.id)).toEqual(story);
    for (const { body, headers } of receiver.received) {
      for (const valid of [secret, rotated]) expect(new Verifier(valid).verify(body, headers)).toBeDefined();
    }
    // What has arrived is written down a moment later.
    const items = await eventually(async () => {
      const log = await call<{ items: { type: string }[] }>(
        'GET',
        `/webhooks/${id}/deliveries?status=delivered`,
      );
      return log.items.length === story.length && log.items;
    });
    expect(items.map(({ type }) => type)).toEqual(story.toReversed());

    const signatures = receiver.received.flatMap(({ headers }) =>
      headers['webhook-signature']!.split(' ').map((one) => one.slice('v1,'.length)),
    );
    const log = [...system.logOf('order'), ...system.logOf('processor')].join('\n');
    for (const canary of [secret, rotated, secret.slice(6), ...signatures]) expect(log).not.toContain(canary);
    const shown = JSON.stringify(await call('GET', `/webhooks/${id}`)) + JSON.stringify(items);
    expect(shown).not.toContain('whsec_');
  });
});
