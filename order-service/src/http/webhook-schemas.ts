import { z } from 'zod';
import { text } from '#shared/http/text.ts';
import { secretOverlapMs } from '../application/webhook-secrets.ts';
import { orderStatuses } from '../domain/order.ts';
import {
  deliveryStatuses,
  testEventType,
  type Webhook,
  type WebhookDelivery,
  webhookEventTypes,
  webhookScopes,
  webhookStatuses,
} from '../domain/webhook.ts';

const url = z.string().min(1).max(2_048).meta({
  format: 'uri',
  description: 'https, and a host with a public address: private networks are refused',
});

const eventTypes = z
  .array(z.enum(webhookEventTypes))
  .max(webhookEventTypes.length)
  .transform((types) => [...new Set(types)]);

export const subscribeBody = z
  .strictObject({
    url,
    eventTypes: eventTypes.default([]).describe('What to be told of; none: everything'),
    scope: z
      .enum(webhookScopes)
      .default('own')
      .describe(
        '`own`: orders whose customer is the caller; `all`: those of all customers, for administrators',
      ),
    description: text(200).optional(),
  })
  .meta({ example: { url: 'https://example.com/orders', eventTypes: ['order.completed', 'order.failed'] } });

export const changeBody = z.strictObject({
  url: url.optional(),
  eventTypes: eventTypes.optional(),
  description: text(200).nullish(),
  status: z.enum(webhookStatuses).optional(),
});

export const webhookParams = z.object({ id: z.uuid().toLowerCase() });
export const deliveryParams = z.object({ ...webhookParams.shape, deliveryId: z.uuid().toLowerCase() });

const page = {
  limit: z.coerce.number().int().min(1).max(100).default(20),
  cursor: z.string().min(1).max(64).optional(),
};
export const webhookQuery = z.strictObject(page);
export const deliveryQuery = z.strictObject({ ...page, status: z.enum(deliveryStatuses).optional() });

const nextCursor = z
  .string()
  .optional()
  .describe('Pass it as cursor for the next page; absent on the last one');
const time = z.iso.datetime();

export const webhookResource = z
  .object({
    id: z.uuid(),
    owner: z.string().describe('Who subscribed'),
    url: z.string(),
    eventTypes: z.array(z.string()),
    scope: z.enum(webhookScopes),
    description: z.string().nullable(),
    status: z.enum(webhookStatuses),
    disabledReason: z
      .enum(['asked', 'gone', 'failing'])
      .nullable()
      .describe('`gone`: it answered 410; `failing`: nothing had arrived for five days'),
    failingSince: time.nullable().describe('Since when no delivery has succeeded'),
    previousSecretUntil: time.nullable().describe('Until then the secret before this one signs, too'),
    createdAt: time,
    updatedAt: time,
  })
  .meta({ id: 'Webhook' });

export const webhookWithSecret = webhookResource
  .extend({
    secret: z
      .string()
      .optional()
      .describe('To verify signatures with. It is shown this once: the answer to a repetition lacks it.'),
  })
  .meta({ id: 'WebhookWithSecret' });

export const webhookPage = z
  .object({ items: z.array(webhookResource), nextCursor })
  .meta({ id: 'WebhookPage' });

export const deliveryResource = z
  .object({
    id: z.uuid().describe('The `webhook-id` of every attempt'),
    type: z.string(),
    orderId: z.uuid().nullable(),
    version: z.int().nullable(),
    status: z.enum(deliveryStatuses),
    attempts: z.int().describe('Since it was made, or last redelivered'),
    nextAttemptAt: time.nullable(),
    attemptLog: z
      .array(
        z.object({
          at: time,
          durationMs: z.int(),
          statusCode: z.int().optional(),
          error: z.string().optional(),
          response: z.string().optional().describe('The first KiB of it'),
        }),
      )
      .describe('The latest ones, oldest first'),
    payload: z.string().describe('The body, exactly as it is sent'),
    createdAt: time,
    finishedAt: time.nullable(),
  })
  .meta({ id: 'WebhookDelivery' });

export const deliveryPage = z
  .object({ items: z.array(deliveryResource), nextCursor })
  .meta({ id: 'WebhookDeliveryPage' });

/** What is sent: Standard Webhooks 1.0.0. */
export const webhookMessage = z
  .object({
    type: z.enum(webhookEventTypes),
    timestamp: time.describe('When it happened'),
    data: z.object({
      orderId: z.uuid(),
      customerId: z.string(),
      status: z.enum(orderStatuses).describe('Of the order, after this event'),
      version: z
        .int()
        .describe('Of the order: counts its events from 1, so that a receiver can put them in order'),
      details: z.record(z.string(), z.unknown()).describe('As in the timeline of the order'),
    }),
  })
  .describe(`There is also \`${testEventType}\`, whose data has nothing but the \`webhookId\`.`);

export type WebhookResource = z.infer<typeof webhookResource>;
export type DeliveryResource = z.infer<typeof deliveryResource>;

/** A webhook as the API shows it. */
export function toWebhookResource(webhook: Webhook): WebhookResource {
  const { id, scope, description, status, disabledReason, failingSince, secretsReplacedAt } = webhook;
  const replacedAt = secretsReplacedAt.at(-1);
  return {
    id,
    owner: webhook.owner,
    url: webhook.url,
    eventTypes: [...webhook.eventTypes],
    scope,
    description,
    status,
    disabledReason,
    failingSince: failingSince?.toISOString() ?? null,
    previousSecretUntil: replacedAt ? new Date(replacedAt.getTime() + secretOverlapMs).toISOString() : null,
    createdAt: webhook.createdAt.toISOString(),
    updatedAt: webhook.updatedAt.toISOString(),
  };
}

/** A delivery as the API shows it. */
export function toDeliveryResource(delivery: WebhookDelivery): DeliveryResource {
  const { id, type, orderId, version, status, attempts, nextAttemptAt, finishedAt } = delivery;
  return {
    id,
    type,
    orderId,
    version,
    status,
    attempts,
    nextAttemptAt: nextAttemptAt?.toISOString() ?? null,
    attemptLog: [...delivery.attemptLog],
    payload: delivery.payload,
    createdAt: delivery.createdAt.toISOString(),
    finishedAt: finishedAt?.toISOString() ?? null,
  };
}
