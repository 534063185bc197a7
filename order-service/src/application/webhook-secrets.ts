import { createHmac } from 'node:crypto';
import { Webhook as Signer } from 'standardwebhooks';
import type { Webhook } from '../domain/webhook.ts';

type Keyed = Pick<Webhook, 'secretsReplacedAt'>;

/** How long a secret signs on after it was replaced, in milliseconds. */
export const secretOverlapMs = 86_400_000;
/** Of those, as many as a receiver can be asked to compare with. */
const mostReplaced = 4;

/** What makes the secrets of webhooks, and signs with them. None is stored: each follows from one key. */
export interface WebhookSecrets {
  /** The present one: `whsec_` and 32 bytes in base64. */
  secretOf(webhook: Pick<Webhook, 'id'> & Keyed): string;
  /** The headers of one attempt (Standard Webhooks 1.0.0): signed with each secret that is valid at `at`. */
  sign(
    delivery: { readonly id: string; readonly webhookId: string; readonly payload: string } & Keyed,
    at: Date,
  ): Readonly<Record<'webhook-id' | 'webhook-timestamp' | 'webhook-signature', string>>;
}

/** @param signingKey whoever has it can sign for every webhook; with another one, all secrets are others */
export function createWebhookSecrets(signingKey: Uint8Array): WebhookSecrets {
  function nthSecretOf(webhookId: string, generation: number): string {
    const mac = createHmac('sha256', signingKey).update(`${webhookId}.${generation}`).digest('base64');
    return `whsec_${mac}`;
  }
  return {
    secretOf: ({ id, secretsReplacedAt }) => nthSecretOf(id, secretsReplacedAt.length + 1),
    sign({ id, webhookId, payload, secretsReplacedAt }, at) {
      const present = secretsReplacedAt.length + 1;
      const replaced = secretsReplacedAt.flatMap((replacedAt, index) =>
        at.getTime() - replacedAt.getTime() < secretOverlapMs ? [index + 1] : [],
      );
      const signatures = [present, ...replaced.slice(-mostReplaced).reverse()].map((generation) =>
        new Signer(nthSecretOf(webhookId, generation)).sign(id, at, payload),
      );
      return {
        'webhook-id': id,
        'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)),
        'webhook-signature': signatures.join(' '),
      };
    },
  };
}
