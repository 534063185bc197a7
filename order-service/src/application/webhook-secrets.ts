import { createHmac } from 'node:crypto';
import { Webhook as Signer } from 'standardwebhooks';
import type { Webhook } from '../domain/webhook.ts';

type Keyed = Pick<Webhook, 'secretGeneration' | 'previousSecretUntil'>;

/** What makes the secrets of webhooks, and signs with them. None is stored: each follows from one key. */
export interface WebhookSecrets {
  /** Of this webhook and generation: `whsec_` and 32 bytes in base64. */
  secretOf(webhookId: string, generation: number): string;
  /** The headers of one attempt (Standard Webhooks 1.0.0): signed with each secret that is valid at `at`. */
  sign(
    delivery: { readonly id: string; readonly webhookId: string; readonly payload: string } & Keyed,
    at: Date,
  ): Readonly<Record<'webhook-id' | 'webhook-timestamp' | 'webhook-signature', string>>;
}

/** @param signingKey whoever has it can sign for every webhook; with another one, all secrets are others */
export function createWebhookSecrets(signingKey: Uint8Array): WebhookSecrets {
  function secretOf(webhookId: string, generation: number): string {
    const mac = createHmac('sha256', signingKey).update(`${webhookId}.${generation}`).digest('base64');
    return `whsec_${mac}`;
  }
  return {
    secretOf,
    sign({ id, webhookId, payload, secretGeneration, previousSecretUntil }, at) {
      const isOverlapping = previousSecretUntil !== null && previousSecretUntil > at;
      const generations = isOverlapping ? [secretGeneration, secretGeneration - 1] : [secretGeneration];
      const signatures = generations.map((generation) =>
        new Signer(secretOf(webhookId, generation)).sign(id, at, payload),
      );
      return {
        'webhook-id': id,
        'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)),
        'webhook-signature': signatures.join(' '),
      };
    },
  };
}
