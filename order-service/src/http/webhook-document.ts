import { z } from 'zod';
import { webhookMessage } from './webhook-schemas.ts';

const header = (name: string, description: string) => ({
  name,
  in: 'header' as const,
  required: true,
  description,
  schema: { type: 'string' as const },
});

/** What subscribers get, for the section `webhooks` of the OpenAPI document. */
export const webhookDocument = {
  orderEvent: {
    post: {
      tags: ['webhooks'],
      summary: 'Something happened to an order',
      description:
        'Sent to the `url` of every webhook that listens. At least once, and not always in order: `webhook-id` is the same for every repetition, `data.version` counts the events of an order.',
      parameters: [
        header('webhook-id', 'Of this message, whatever the number of attempts'),
        header('webhook-timestamp', 'Of this attempt, in seconds since 1970'),
        header(
          'webhook-signature',
          '`v1,` and an HMAC-SHA256 in base64; several, separated by spaces, after a rotation',
        ),
      ],
      requestBody: {
        required: true,
        content: {
          'application/json': { schema: z.toJSONSchema(webhookMessage) as Record<string, unknown> },
        },
      },
      responses: {
        '2XX': { description: 'Received' },
        '410': { description: 'Nothing more, please: the webhook is disabled' },
        default: { description: 'Sent again later; 429 and 503 may say when, with `Retry-After`' },
      },
    },
  },
};
