import { z } from 'zod';
import { problems } from '#shared/http/problem.ts';
import type { HttpServer } from '#shared/http/server.ts';
import type { ManageWebhooks } from '../application/manage-webhooks.ts';
import { emptyBody } from './order-schemas.ts';
import {
  changeBody,
  subscribeBody,
  toWebhookResource,
  webhookPage,
  webhookParams,
  webhookQuery,
  webhookResource,
  webhookWithSecret,
} from './webhook-schemas.ts';

export const tags = ['webhooks'];

/** Subscribing to what happens to orders. */
export function registerWebhookRoutes(app: HttpServer, useCases: { webhooks: ManageWebhooks }): void {
  const { webhooks } = useCases;

  app.post(
    '/webhooks',
    {
      config: { access: 'orders:write', answersOnce: { secret: 'secret' } },
      schema: {
        operationId: 'createWebhook',
        tags,
        summary: 'Be told what happens to orders',
        description:
          'Requests come signed, as Standard Webhooks 1.0.0 says, with the secret that is answered here and never again: not even where the request is repeated with its idempotency key.',
        body: subscribeBody,
        response: { 201: webhookWithSecret, ...problems(400, 409, 422, 503) },
      },
    },
    async (request, reply) => {
      const { description = null, ...wish } = request.body;
      const { webhook, secret } = await webhooks.subscribe({ ...wish, description }, request.caller);
      return reply
        .code(201)
        .header('location', `/webhooks/${webhook.id}`)
        .header('cache-control', 'no-store')
        .send({ ...toWebhookResource(webhook), secret });
    },
  );

  app.get(
    '/webhooks',
    {
      config: { access: 'orders:read' },
      schema: {
        operationId: 'listWebhooks',
        tags,
        summary: "The caller's webhooks, newest first; an administrator sees everybody's",
        querystring: webhookQuery,
        response: { 200: webhookPage, ...problems(400, 503) },
      },
    },
    async (request) => {
      const { items, ...page } = await webhooks.list(request.query, request.caller);
      return { ...page, items: items.map(toWebhookResource) };
    },
  );

  app.get(
    '/webhooks/:id',
    {
      config: { access: 'orders:read' },
      schema: {
        operationId: 'getWebhook',
        tags,
        summary: 'One webhook',
        params: webhookParams,
        response: { 200: webhookResource, ...problems(400, 404, 503) },
      },
    },
    async (request) => toWebhookResource(await webhooks.get(request.params.id, request.caller)),
  );

  app.patch(
    '/webhooks/:id',
    {
      config: { access: 'orders:write', answersOnce: true },
      schema: {
        operationId: 'changeWebhook',
        tags,
        summary: 'Change a webhook, disable it, or enable it again',
        params: webhookParams,
        body: changeBody,
        response: { 200: webhookResource, ...problems(400, 403, 404, 422, 503) },
      },
    },
    async (request) =>
      toWebhookResource(await webhooks.change(request.params.id, request.body, request.caller)),
  );

  app.delete(
    '/webhooks/:id',
    {
      config: { access: 'orders:write', answersOnce: true },
      schema: {
        operationId: 'deleteWebhook',
        tags,
        summary: 'Delete a webhook; what waits for it is not sent any more',
        params: webhookParams,
        response: { 204: z.null(), ...problems(400, 404, 503) },
      },
    },
    async (request, reply) => {
      await webhooks.remove(request.params.id, request.caller);
      return reply.code(204).send(null);
    },
  );

  app.post(
    '/webhooks/:id/rotate-secret',
    {
      config: { access: 'orders:write', answersOnce: { secret: 'secret' } },
      schema: {
        operationId: 'rotateWebhookSecret',
        tags,
        summary: 'Get a new secret',
        description:
          'Each secret signs on for a day after it was replaced. The new one is answered here and never again, not even where the request is repeated with its idempotency key: should the answer be lost, rotate again.',
        params: webhookParams,
        body: emptyBody,
        response: { 200: webhookWithSecret, ...problems(400, 403, 404, 503) },
      },
    },
    async (request, reply) => {
      const { webhook, secret } = await webhooks.rotateSecret(request.params.id, request.caller);
      return reply.header('cache-control', 'no-store').send({ ...toWebhookResource(webhook), secret });
    },
  );
}
