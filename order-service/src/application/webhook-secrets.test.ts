import { describe, expect, test } from '@jest/globals';
import { Webhook as Signer } from 'standardwebhooks';
import { createWebhookSecrets } from './webhook-secrets.ts';

const secrets = createWebhookSecrets(Buffer.alloc(32, 1));
const at = new Date(1_614_265_330_000);
const delivery = {
  id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
  webhookId: 'w',
  payload: '{"test": 2432232314}',
  secretGeneration: 1,
  previousSecretUntil: null,
};

describe('the secret of a webhook', () => {
  test('has 32 bytes and is always the same one', () => {
    const secret = secrets.secretOf('w', 1);
    expect(secret).toMatch(/^whsec_/);
    expect(Buffer.from(secret.slice(6), 'base64')).toHaveLength(32);
    expect(createWebhookSecrets(Buffer.alloc(32, 1)).secretOf('w', 1)).toBe(secret);
  });

  test('is another one for another webhook, generation or key', () => {
    const all = [
      secrets.secretOf('w', 1),
      secrets.secretOf('w', 2),
      secrets.secretOf('v', 1),
      createWebhookSecrets(Buffer.alloc(32, 2)).secretOf('w', 1),
    ];
    expect(new Set(all).size).toBe(4);
  });
});

describe('a signature', () => {
  test('is what the specification computes for its example', () => {
    // https://github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md
    const signer = new Signer('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw');
    expect(signer.sign(delivery.id, at, delivery.payload)).toBe(
      'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    );
  });

  test('is made of id, second and body, with the secret', () => {
    const headers = secrets.sign(delivery, at);
    expect(headers).toEqual({
      'webhook-id': delivery.id,
      'webhook-timestamp': '1614265330',
      'webhook-signature': new Signer(secrets.secretOf('w', 1)).sign(delivery.id, at, delivery.payload),
    });
  });

  test('is made with the secret before this one, too, until its time is over', () => {
    const rotated = { ...delivery, secretGeneration: 2, previousSecretUntil: new Date(at.getTime() + 1) };
    const [present, previous, ...others] = secrets.sign(rotated, at)['webhook-signature'].split(' ');
    expect(previous).toBe(secrets.sign(delivery, at)['webhook-signature']);
    expect(present).toBe(secrets.sign({ ...delivery, secretGeneration: 2 }, at)['webhook-signature']);
    expect(others).toEqual([]);
    expect(secrets.sign({ ...rotated, previousSecretUntil: at }, at)['webhook-signature']).toBe(present);
  });
});
