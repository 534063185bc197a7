import { describe, expect, test } from '@jest/globals';
import { Webhook as Signer } from 'standardwebhooks';
import { createWebhookSecrets } from './webhook-secrets.ts';

const secrets = createWebhookSecrets(Buffer.alloc(32, 1));
const at = new Date(1_614_265_330_000);
const delivery = {
  id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
  webhookId: 'w',
  payload: '{"test": 2432232314}',
  secretsReplacedAt: [] as Date[],
};

describe('the secret of a webhook', () => {
  test('has 32 bytes and is always the same one', () => {
    const webhook = { id: 'w', secretsReplacedAt: [] };
    const secret = secrets.secretOf(webhook);
    expect(secret).toMatch(/^whsec_/);
    expect(Buffer.from(secret.slice(6), 'base64')).toHaveLength(32);
    expect(createWebhookSecrets(Buffer.alloc(32, 1)).secretOf(webhook)).toBe(secret);
  });

  test('is another one for another webhook or key, and once it was replaced', () => {
    const all = [
      secrets.secretOf({ id: 'w', secretsReplacedAt: [] }),
      secrets.secretOf({ id: 'w', secretsReplacedAt: [at] }),
      secrets.secretOf({ id: 'v', secretsReplacedAt: [] }),
      createWebhookSecrets(Buffer.alloc(32, 2)).secretOf({ id: 'w', secretsReplacedAt: [] }),
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
      'webhook-signature': new Signer(secrets.secretOf({ id: 'w', secretsReplacedAt: [] })).sign(
        delivery.id,
        at,
        delivery.payload,
      ),
    });
  });

  test('is made with every secret that was replaced less than a day ago, too', () => {
    const [dayAgo, lessThanThat] = [new Date(at.getTime() - 86_400_000), new Date(at.getTime() - 86_399_999)];
    const [first, second, third] = [[], [dayAgo], [dayAgo, lessThanThat]].map(
      (secretsReplacedAt) => new Signer(secrets.secretOf({ id: 'w', secretsReplacedAt })),
    );
    const signed = secrets.sign({ ...delivery, secretsReplacedAt: [dayAgo, lessThanThat] }, at);
    expect(signed['webhook-signature'].split(' ')).toEqual(
      [third, second].map((signer) => signer?.sign(delivery.id, at, delivery.payload)),
    );
    const both = secrets.sign({ ...delivery, secretsReplacedAt: [lessThanThat, at] }, at)[
      'webhook-signature'
    ];
    expect(both.split(' ').at(-1)).toBe(first?.sign(delivery.id, at, delivery.payload));
  });

  test('is not made with more secrets than five', () => {
    const signed = secrets.sign({ ...delivery, secretsReplacedAt: Array.from({ length: 50 }, () => at) }, at);
    expect(signed['webhook-signature'].split(' ')).toHaveLength(5);
  });
});
