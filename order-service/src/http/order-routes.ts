import type { FastifyRequest } from 'fastify';
import { etagOf } from '#shared/http/preconditions.ts';
import { problems } from '#shared/http/problem.ts';
import type { HttpServer } from '#shared/http/server.ts';
import { idempotencyKeyHeader } from '#shared/idempotency/key.ts';
import { learn } from '#shared/observability/work-at-hand.ts';
import type { PlaceOrder } from '../application/place-order.ts';
import type { Cause } from '../application/ports/order-repository.ts';
import type { ReadOrders } from '../application/read-orders.ts';
import { onceOf, orderOf } from './idempotency-key.ts';
import {
  listQuery,
  orderIdParams,
  orderPage,
  orderResource,
  type PlaceOrderBody,
  placeOrderBody,
  timelineResource,
  toOrderResource,
} from './order-schemas.ts';

const tags = ['orders'];

/** The REST side of orders. */
export function registerOrderRoutes(
  app: HttpServer,
  useCases: { placeOrder: PlaceOrder; readOrders: ReadOrders },
): void {
  const { placeOrder, readOrders } = useCases;
  nameOrders(app);

  app.post(
    '/orders',
    {
      config: { access: 'orders:write' },
      schema: {
        operationId: 'createOrder',
        tags,
        summary: 'Place an order',
        description: 'Answers once the order is durable. It is processed afterwards: ask for it again.',
        headers: idempotencyKeyHeader,
        body: placeOrderBody,
        response: { 201: orderResource, ...problems(400, 409, 422, 503) },
      },
    },
    async (request, reply) => {
      const { caller } = request;
      const answer = await placeOrder(toNewOrder(request.body), causeOf(request), caller, onceOf(request));
      const order = orderOf(answer, reply);
      return reply
        .code(201)
        .header('location', `/orders/${order.id}`)
        .header('etag', etagOf(order.version))
        .send(toOrderResource(order));
    },
  );

  app.get(
    '/orders/:id',
    {
      config: { access: 'orders:read' },
      schema: {
        operationId: 'getOrder',
        tags,
        summary: 'One order',
        params: orderIdParams,
        response: { 200: orderResource, ...problems(400, 404, 503) },
      },
    },
    async (request, reply) => {
      const order = await readOrders.get(request.params.id, request.caller);
      return reply.header('etag', etagOf(order.version)).send(toOrderResource(order));
    },
  );

  app.get(
    '/orders',
    {
      config: { access: 'orders:read' },
      schema: {
        operationId: 'listOrders',
        tags,
        summary: 'Orders, newest first',
        querystring: listQuery,
        response: { 200: orderPage, ...problems(400, 503) },
      },
    },
    async (request) => {
      const { items, ...page } = await readOrders.list(request.query, request.caller);
      return { ...page, items: items.map(toOrderResource) };
    },
  );

  app.get(
    '/orders/:id/timeline',
    {
      config: { access: 'orders:read' },
      schema: {
        operationId: 'getOrderTimeline',
        tags,
        summary: 'Everything that happened to an order, oldest first',
        params: orderIdParams,
        response: { 200: timelineResource, ...problems(400, 404, 503) },
      },
    },
    async (request) => {
      const entries = await readOrders.timeline(request.params.id, request.caller);
      return {
        orderId: request.params.id,
        entries: entries.map((entry) => ({ ...entry, at: entry.at.toISOString() })),
      };
    },
  );
}

/** Log lines of requests about an order tell which; that of a new one is known once it is placed. */
function nameOrders(app: HttpServer): void {
  app.addHook('preHandler', ({ params, routeOptions }, _reply, done) => {
    if (routeOptions.url?.startsWith('/orders/:id')) learn({ orderId: (params as { id: string }).id });
    done();
  });
}

/** The order that a valid body asks for. */
export function toNewOrder({ customerId, currency, items, payment, description, metadata }: PlaceOrderBody) {
  return {
    customerId,
    currency,
    items: items.map(({ sku, quantity, unitPrice }) => ({
      sku,
      quantity,
      unitPriceMinor: unitPrice.amountMinor,
      currency: unitPrice.currency,
    })),
    payment,
    description: description ?? null,
    metadata: metadata ?? {},
  };
}

function causeOf({ correlationId, traceparent }: FastifyRequest): Omit<Cause, 'actor'> {
  return { correlationId, traceparent };
}
