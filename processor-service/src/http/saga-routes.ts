import { z } from 'zod';
import { problems } from '#shared/http/problem.ts';
import type { HttpServer } from '#shared/http/server.ts';
import { text } from '#shared/http/text.ts';
import type { ReadSagas } from '../application/read-sagas.ts';
import type { ResumeSaga } from '../application/resume-saga.ts';
import { refundedMinorOf, type Saga, sagaStates } from '../domain/saga.ts';
import { operatorHeaders, operatorOf } from './operator.ts';

const tags = ['sagas'];

const orderParams = z.object({ orderId: z.uuid() });
const state = z.enum(sagaStates);

const listQuery = z.strictObject({
  state: state.optional().describe('`needs_attention` includes completed sagas with a refund that does'),
  cursor: z.uuid().optional().describe('The nextCursor of the previous page'),
  limit: z.coerce.number().int().min(1).max(500).default(50),
});

const resumeBody = z.strictObject({ reason: text(200).optional() }).nullish();

const trouble = z.object({ code: z.string(), message: z.string(), at: z.string() });

/** A saga as operators see it. */
export const sagaResource = z
  .object({
    orderId: z.string(),
    state,
    run: z.int().describe('Counts the runs of the saga, from 0'),
    payment: z.enum(['automatic', 'manual']),
    paymentRequested: z.boolean(),
    cancelRequested: z.boolean(),
    currency: z.string(),
    totalMinor: z.int(),
    paymentId: z.string().nullable(),
    refundedMinor: z.int(),
    refunds: z.array(
      z.object({
        id: z.string(),
        amountMinor: z.int(),
        reason: z.string(),
        state: z.enum(['requested', 'refunded', 'needs_attention', 'rejected']),
        trouble: trouble.optional(),
      }),
    ),
    failure: z.object({ code: z.string(), message: z.string(), recoverable: z.boolean() }).nullable(),
    attempts: z.int().describe('Failed attempts at what the saga is doing now'),
    trouble: trouble.nullable().describe('What the last one failed of'),
    startedAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
    deadlineAt: z.iso.datetime().nullable().describe('When the watchdog takes it up'),
  })
  .meta({ id: 'Saga' });

/** The REST side of sagas, for operators. */
export function registerSagaRoutes(
  app: HttpServer,
  useCases: { readSagas: ReadSagas; resumeSaga: ResumeSaga },
): void {
  const { readSagas, resumeSaga } = useCases;

  app.get(
    '/sagas',
    {
      config: { access: 'ops' },
      schema: {
        operationId: 'listSagas',
        tags,
        summary: 'Sagas, those of the newest orders first',
        querystring: listQuery,
        response: {
          200: z.object({ items: z.array(sagaResource), nextCursor: z.string().optional() }),
          ...problems(400, 503),
        },
      },
    },
    async (request) => {
      const { items, ...page } = await readSagas.list(request.query);
      return { ...page, items: items.map(toSagaResource) };
    },
  );

  app.get(
    '/sagas/:orderId',
    {
      config: { access: 'ops' },
      schema: {
        operationId: 'getSaga',
        tags,
        summary: 'The saga of an order',
        params: orderParams,
        response: { 200: sagaResource, ...problems(400, 404, 503) },
      },
    },
    async (request) => toSagaResource(await readSagas.get(request.params.orderId)),
  );

  app.post(
    '/sagas/:orderId/resume',
    {
      config: { access: 'ops', answersOnce: true },
      schema: {
        operationId: 'resumeSaga',
        tags,
        summary: 'Let a saga go on that waits for a person',
        description:
          'Once its cause is repaired: a compensation or a refund that needs attention is tried again, a recoverable failure gets another run. The watchdog takes it up within its interval.',
        params: orderParams,
        headers: operatorHeaders,
        body: resumeBody,
        response: { 200: sagaResource, ...problems(400, 404, 409, 503) },
      },
    },
    async (request) => {
      const { orderId } = request.params;
      const operator = operatorOf(request);
      return toSagaResource(await resumeSaga({ orderId, operator, reason: request.body?.reason }));
    },
  );
}

export function toSagaResource(saga: Saga): z.input<typeof sagaResource> {
  const { order, state, run, paymentRequested, cancelRequested, paymentId, failure, attempts, trouble } =
    saga;
  return {
    orderId: order.orderId,
    state,
    run,
    payment: order.payment ?? 'automatic',
    paymentRequested,
    cancelRequested,
    currency: order.currency,
    totalMinor: order.totalMinor,
    paymentId,
    refundedMinor: refundedMinorOf(saga),
    refunds: [...saga.refunds],
    failure,
    attempts,
    trouble,
    startedAt: saga.startedAt.toISOString(),
    updatedAt: saga.updatedAt.toISOString(),
    deadlineAt: saga.deadlineAt?.toISOString() ?? null,
  };
}
