import { z } from 'zod';
import { idempotencyKeySchema, paymentSchema, refundRequestSchema, refundSchema } from '../contract.ts';
import type { Payments } from '../payments.ts';
import { type Performer, scenarioHeader, scenarioHeaderSchema } from './performer.ts';
import { problemResponse } from './problem.ts';
import type { SandboxApp } from './sandbox-app.ts';

const noPayment = problemResponse('There is no such payment');
const illegalState = problemResponse('Not in this state, or the money cannot be given back');

const readSchema = (summary: string) => ({
  summary,
  headers: scenarioHeaderSchema,
  params: z.object({ id: z.string() }),
  response: { 200: paymentSchema, 404: noPayment },
});

const moveSchema = (summary: string) => ({
  ...readSchema(summary),
  response: { 200: paymentSchema, 404: noPayment, 409: illegalState },
});

const refundRouteSchema = {
  summary: 'Give captured money back, all or a part',
  headers: z.object({ 'idempotency-key': idempotencyKeySchema, ...scenarioHeader }),
  params: z.object({ id: z.string() }),
  body: refundRequestSchema,
  response: {
    201: refundSchema,
    400: problemResponse('The request is not valid'),
    404: noPayment,
    409: illegalState,
    422: problemResponse('KEY_REUSED or AMOUNT_TOO_LARGE'),
  },
};

/** What a merchant does with a payment that it knows by the provider's id. */
export function paymentRoutes(
  app: SandboxApp,
  { payments, perform }: { payments: Payments; perform: Performer },
): void {
  app.get(
    '/payments/:id',
    { schema: readSchema('A payment as it stands') },
    async ({ params: { id }, headers }) =>
      perform({ operation: 'lookup', key: id, headers }, () => payments.byId(id)),
  );

  app.post(
    '/payments/:id/capture',
    { schema: moveSchema('Take authorised money') },
    async ({ params: { id }, headers }) =>
      perform({ operation: 'capture', key: id, headers }, () => payments.capture(id)),
  );

  app.post(
    '/payments/:id/void',
    { schema: moveSchema('Let go of authorised money') },
    async ({ params: { id }, headers }) => {
      const { amountMinor } = payments.byId(id);
      return perform({ operation: 'void', key: id, headers, amountMinor }, ({ decline }) =>
        payments.void(id, decline),
      );
    },
  );

  app.post(
    '/payments/:id/refunds',
    { schema: refundRouteSchema },
    async ({ params: { id }, headers, body }, reply) => {
      const key = headers['idempotency-key'];
      const { amountMinor } = payments.byId(id);
      const { value, replayed } = await perform(
        { operation: 'refund', key, headers, amountMinor },
        ({ decline }) => payments.refund(id, { key, amountMinor: body.amountMinor }, decline),
      );
      if (replayed) reply.header('idempotent-replayed', 'true');
      return reply.code(201).send(value);
    },
  );
}
