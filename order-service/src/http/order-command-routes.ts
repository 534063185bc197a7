import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { etagOf, readIfMatch } from '#shared/http/preconditions.ts';
import { problems } from '#shared/http/problem.ts';
import type { HttpServer } from '#shared/http/server.ts';
import { idempotencyKeyHeader } from '#shared/idempotency/key.ts';
import type { ChangeOrder } from '../application/change-order.ts';
import { refundIdFor } from '../application/idempotency.ts';
import type { OrderCommand } from '../domain/order-commands.ts';
import { onceOf, orderOf } from './idempotency-key.ts';
import {
  cancelBody,
  emptyBody,
  ifMatchHeader,
  type OrderResource,
  orderIdParams,
  orderResource,
  refundBody,
  toOrderResource,
} from './order-schemas.ts';

const tags = ['orders'];
const refusals = problems(400, 404, 409, 412, 422, 503);
const headers = z.object({ ...ifMatchHeader.shape, ...idempotencyKeyHeader.shape });

/** What can be asked of an order. Repeating a request that was accepted changes nothing and is answered alike. */
export function registerOrderCommandRoutes(app: HttpServer, useCases: { changeOrder: ChangeOrder }): void {
  const { changeOrder } = useCases;

  async function change(
    request: FastifyRequest<{ Params: { id: string } }>,
    reply: FastifyReply,
    command: OrderCommand,
  ): Promise<OrderResource> {
    const { caller, correlationId, traceparent } = request;
    const answer = await changeOrder({
      orderId: request.params.id,
      command,
      caller,
      cause: { correlationId, traceparent },
      isExpected: readIfMatch(request.headers['if-match']),
      once: onceOf(request),
    });
    const order = orderOf(answer, reply);
    reply.header('etag', etagOf(order.version));
    return toOrderResource(order);
  }

  app.post(
    '/orders/:id/cancel',
    {
      config: { access: 'orders:write' },
      schema: {
        operationId: 'cancelOrder',
        tags,
        summary: 'Ask for an order to be cancelled',
        description:
          'Possible until the payment is captured. 202 says that the wish is durable; `cancellation` tells what becomes of it.',
        params: orderIdParams,
        headers,
        body: cancelBody,
        response: { 202: orderResource, ...refusals },
      },
    },
    async (request, reply) => {
      const { reason = '' } = request.body ?? {};
      return reply.code(202).send(await change(request, reply, { type: 'cancel', reason }));
    },
  );

  app.post(
    '/orders/:id/pay',
    {
      config: { access: 'orders:write' },
      schema: {
        operationId: 'payOrder',
        tags,
        summary: 'Ask for an order with manual payment to be paid',
        params: orderIdParams,
        headers,
        body: emptyBody,
        response: { 202: orderResource, ...refusals },
      },
    },
    async (request, reply) => reply.code(202).send(await change(request, reply, { type: 'pay' })),
  );

  app.post(
    '/orders/:id/refund',
    {
      config: { access: 'orders:admin' },
      schema: {
        operationId: 'refundOrder',
        tags,
        summary: 'Ask for money to be given back, all of it or a part',
        description:
          'When everything went back the goods return to stock. `refunds` tells what becomes of each.',
        params: orderIdParams,
        headers,
        body: refundBody,
        response: { 202: orderResource, ...refusals },
      },
    },
    async (request, reply) => {
      const wish = request.body ?? {};
      const { amountMinor, reason = '' } = wish;
      const refundId = refundIdFor(wish, onceOf(request));
      const command = { type: 'refund', refundId, amountMinor, reason } as const;
      return reply.code(202).send(await change(request, reply, command));
    },
  );

  app.post(
    '/orders/:id/fulfil',
    {
      config: { access: 'orders:admin' },
      schema: {
        operationId: 'markOrderFinished',
        tags,
        summary: 'Mark a completed order as finished',
        params: orderIdParams,
        headers,
        body: emptyBody,
        response: { 200: orderResource, ...refusals },
      },
    },
    async (request, reply) => reply.code(200).send(await change(request, reply, { type: 'fulfil' })),
  );
}
