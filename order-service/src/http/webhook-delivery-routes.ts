import { problems } from '#shared/http/problem.ts';
import type { HttpServer } from '#shared/http/server.ts';
import type { ManageWebhooks } from '../application/manage-webhooks.ts';
import { emptyBody } from './order-schemas.ts';
import { tags } from './webhook-routes.ts';
import {
  deliveryPage,
  deliveryParams,
  deliveryQuery,
  deliveryResource,
  toDeliveryResource,
  webhookParams,
} from './webhook-schemas.ts';

/** What was sent to a webhook, what became of it, and sending it once more. */
export function registerWebhookDeliveryRoutes(app: HttpServer, useCases: { webhooks: ManageWebhooks }): void {
  const { webhooks } = useCases;

  app.get(
    '/webhooks/:id/deliveries',
    {
      config: { access: 'orders:read' },
      schema: {
        operationId: 'listWebhookDeliveries',
        tags,
        summary: 'What was sent to a webhook, newest first',
        params: webhookParams,
        querystring: deliveryQuery,
        response: { 200: deliveryPage, ...problems(400, 404, 503) },
      },
    },
    async (request) => {
      const { id } = request.params;
      const { items, ...page } = await webhooks.listDeliveries(id, request.query, request.caller);
      return { ...page, items: items.map(toDeliveryResource) };
    },
  );

  app.post(
    '/webhooks/:id/deliveries/:deliveryId/redeliver',
    {
      config: { access: 'orders:write', answersOnce: true },
      schema: {
        operationId: 'redeliverWebhook',
        tags,
        summary: 'Send something once more',
        description: 'Under the same `webhook-id`, at once, and again later where that fails.',
        params: deliveryParams,
        body: emptyBody,
        response: { 202: deliveryResource, ...problems(400, 404, 409, 503) },
      },
    },
    async (request, reply) => {
      const { id, deliveryId } = request.params;
      const delivery = await webhooks.redeliver(id, deliveryId, request.caller);
      return reply.code(202).send(toDeliveryResource(delivery));
    },
  );

  app.post(
    '/webhooks/:id/test',
    {
      config: { access: 'orders:write', answersOnce: true },
      schema: {
        operationId: 'testWebhook',
        tags,
        summary: 'Send something that is about no order',
        params: webhookParams,
        body: emptyBody,
        response: { 202: deliveryResource, ...problems(400, 404, 409, 503) },
      },
    },
    async (request, reply) => {
      const delivery = await webhooks.sendTest(request.params.id, request.caller);
      return reply.code(202).send(toDeliveryResource(delivery));
    },
  );
}
