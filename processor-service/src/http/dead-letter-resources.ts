import { z } from 'zod';
import { orderInquiryAnswer } from '#shared/contracts/order-inquiries.ts';
import type { DeadLetterDetail } from '../application/dead-letters/look-at-dead-letters.ts';
import { type ReplayPrediction, replayEffects } from '../application/dead-letters/predict-replay.ts';
import { sagaStates } from '../domain/saga.ts';
import { sagaResource, toSagaResource } from './saga-routes.ts';

const time = z.string().optional().describe('ISO 8601; absent where nobody wrote it down');

export const letterResource = z
  .object({
    id: z.string(),
    queue: z.string(),
    type: z.string(),
    orderId: z.string().optional(),
    errorCode: z.string(),
    errorMessage: z.string(),
    frame: z.string().describe('The innermost function of our own code that it failed in'),
    fingerprint: z.string().describe('The same for all letters that failed alike'),
    attempts: z.int(),
    replayCount: z.int(),
    replayRun: z.string().optional(),
    editedFrom: z.string().optional(),
    firstFailedAt: time,
    failedAt: time,
  })
  .meta({ id: 'DeadLetter' });

export const groupResource = z
  .object({
    fingerprint: z.string(),
    queue: z.string(),
    type: z.string(),
    errorCode: z.string(),
    frame: z.string(),
    count: z.int(),
    firstSeenAt: time,
    lastSeenAt: time,
    exampleId: z.string(),
    exampleMessage: z.string(),
  })
  .meta({ id: 'DeadLetterGroup' });

const possibleState = z.enum([...sagaStates, 'none']);

export const predictionResource = z
  .object({
    letter: letterResource,
    effect: z
      .enum(replayEffects)
      .describe(
        '`none`: it has been dealt with, or nobody takes it. `waits`: its time has not come, it goes up the retry ladder. ' +
          '`unknown`: the order-service did not answer',
      ),
    reason: z.string(),
    schema: z.union([z.literal('valid'), z.object({ error: z.string() })]),
    saga: possibleState,
    transition: z
      .array(possibleState)
      .describe(
        'The state of the saga and those it would pass through by itself; empty where it would not change',
      ),
    order: z
      .string()
      .describe('Its status; `none` where there is no such order, `unknown` without an answer'),
  })
  .meta({ id: 'ReplayPrediction' });

export const detailResource = z
  .object({
    letter: letterResource,
    exchange: z.string(),
    routingKey: z.string(),
    contentType: z.string(),
    correlationId: z.string(),
    content: z.object({
      headers: z.record(z.string(), z.unknown()),
      body: z.string(),
      encoding: z.enum(['utf8', 'base64']),
    }),
    history: z.array(z.object({ at: time, what: z.string() })).describe('Oldest first'),
    saga: sagaResource.nullable(),
    order: z
      .union([orderInquiryAnswer.shape.orders.element, z.literal('unknown')])
      .nullable()
      .describe('`unknown`: the order-service did not answer'),
    replay: predictionResource.describe('What a replay would do'),
  })
  .meta({ id: 'DeadLetterDetail' });

export function toPredictionResource(prediction: ReplayPrediction): z.input<typeof predictionResource> {
  return { ...prediction, transition: [...prediction.transition] };
}

export function toDetailResource(detail: DeadLetterDetail): z.input<typeof detailResource> {
  const { content, history, saga, order, replay } = detail;
  return {
    ...detail,
    content: { ...content, headers: { ...content.headers } },
    history: [...history],
    saga: saga ? toSagaResource(saga) : null,
    order: order ?? null,
    replay: toPredictionResource(replay),
  };
}
