import { z } from 'zod';
import type { Charges } from '../charges.ts';
import { chargeRequestSchema, idempotencyKeySchema, keyStateSchema, paymentSchema } from '../contract.ts';

import { type Performer, scenarioHeader, scenarioHeaderSchema } from './performer.ts';
import { problemResponse } from './problem.ts';
import type { SandboxApp } from './sandbox-app.ts';

const keyParams = z.object({ key: idempotencyKeySchema });

const chargeSchema = {
  summary: 'Charge',
  headers: z.object({ 'idempotency-key': idempotencyKeySchema, ...scenarioHeader }),
  body: chargeRequestSchema,
  response: {
    201: paymentSchema,
    400: problemResponse('The request is not valid'),
    402: problemResponse('PAYMENT_DECLINED, with a reason'),
    409: problemResponse('KEY_IN_FLIGHT: another request with this key is being worked on'),
    410: problemResponse('KEY_CANCELLED: this key never charges again'),
    422: problemResponse('KEY_REUSED: the key belongs to a different payment'),
  },
};

const lookupSchema = {
  summary: 'What became of a charge whose answer was lost',
  headers: scenarioHeaderSchema,
  params: keyParams,
  response: { 200: keyStateSchema, 404: problemResponse('KEY_UNKNOWN: no charge with this key arrived') },
};

const cancelSchema = {
  summary: 'Make sure that a key holds no money, now and for ever',
  headers: scenarioHeaderSchema,
  params: keyParams,
  response: { 200: keyStateSchema, 409: problemResponse('COMPENSATION_DECLINED') },
};

/** What a merchant does under an idempotency key of its own: charge, look up, make sure that nothing is charged. */
export function keyRoutes(
  app: SandboxApp,
  { charges, perform }: { charges: Charges; perform: Performer },
): void {
  app.post('/payments', { schema: chargeSchema }, async ({ headers, body }, reply) => {
    const key = headers['idempotency-key'];
    // An amount plays its scenario once; the stored answer is given undisturbed after that.
    const amountMinor = charges.isSettled(key) ? undefined : body.amountMinor;
    const { value, replayed } = await perform(
      { operation: 'charge', key, headers, amountMinor },
      ({ decline, wait }) =>
        wait === undefined
          ? charges.charge(key, body, decline)
          : charges.chargeAfter(wait, key, body, decline),
    );
    if (replayed) reply.header('idempotent-replayed', 'true');
    return reply.code(201).header('location', `/payments/${value.id}`).send(value);
  });

  app.get('/payments/by-key/:key', { schema: lookupSchema }, async ({ params: { key }, headers }) =>
    perform({ operation: 'lookup', key, headers }, () => charges.byKey(key)),
  );

  app.post('/payments/by-key/:key/cancel', { schema: cancelSchema }, async ({ params: { key }, headers }) =>
    perform({ operation: 'cancel', key, headers, amountMinor: charges.amountUnder(key) }, ({ decline }) =>
      charges.cancel(key, decline),
    ),
  );
}
