import { z } from 'zod';
import { problems } from '#shared/http/problem.ts';
import type { HttpServer } from '#shared/http/server.ts';
import type { DeadLetterActions } from '../application/dead-letters/dead-letter-actions.ts';
import type { ReplaysInBackground } from '../application/dead-letters/replay-in-background.ts';
import { defaultPerSecond, mostPerSecond } from '../application/dead-letters/replay-ramp.ts';
import { allDeadLetterQueues } from '../application/dead-letters/selection.ts';
import {
  actionResource,
  printable,
  replayResource,
  toActionResource,
  toReplayResource,
} from './dead-letter-schemas.ts';
import { operatorHeaders, operatorOf } from './operator.ts';
import { selectionBody, toSelection } from './selection-schemas.ts';

const tags = ['dead letters'];

const letterParams = z.object({ id: z.string().min(1).max(200).describe('Message id of the letter') });
const replayParams = z.object({ id: z.uuid() });

const discardBody = z.strictObject({ reason: printable });
const editBody = z
  .record(z.string(), z.unknown())
  .describe('The whole message; its `id` is of no importance');
const replaysBody = z.strictObject({
  selection: selectionBody,
  ratePerSecond: z.int().min(1).max(mostPerSecond).default(defaultPerSecond),
});

const historyQuery = z.strictObject({
  orderId: z.uuid().optional(),
  messageId: z.string().min(1).max(200).optional(),
  replayId: z.uuid().optional(),
  limit: z.coerce.number().int().min(1).max(500).default(100),
});
const replaysQuery = z.strictObject({ limit: z.coerce.number().int().min(1).max(500).default(100) });

interface UseCases {
  readonly actions: DeadLetterActions;
  readonly background: ReplaysInBackground;
}

/** The REST side of what operators do about dead letters. */
export function registerDeadLetterActionRoutes(app: HttpServer, useCases: UseCases): void {
  registerLetterRoutes(app, useCases);
  registerReplayRoutes(app, useCases);
}

function registerLetterRoutes(app: HttpServer, { actions }: UseCases): void {
  const queues = allDeadLetterQueues;

  app.post(
    '/dead-letters/:id/replay',
    {
      config: { access: 'ops', answersOnce: true },
      schema: {
        tags,
        summary: 'Send a dead letter back to where it was first published',
        description: 'Same id, same body. Answers what the audit says about it.',
        headers: operatorHeaders,
        params: letterParams,
        response: { 200: actionResource, ...problems(400, 404, 503) },
      },
    },
    async (request) =>
      toActionResource(
        await actions.replay({ id: request.params.id, queues, operator: operatorOf(request) }),
      ),
  );

  app.post(
    '/dead-letters/:id/edit',
    {
      config: { access: 'ops', answersOnce: true },
      schema: {
        tags,
        summary: 'Send a dead letter back with another body',
        description:
          'The body has to keep the contract of its type and be about the same order. It is sent under a new id, ' +
          '`replacedBy`, which the same edit leads to every time: submitted again, it is not sent again.',
        headers: operatorHeaders,
        params: letterParams,
        body: editBody,
        response: { 200: actionResource, ...problems(400, 404, 422, 503) },
      },
    },
    async (request) =>
      toActionResource(
        await actions.edit({
          id: request.params.id,
          queues,
          body: Buffer.from(JSON.stringify(request.body)),
          operator: operatorOf(request),
        }),
      ),
  );

  app.post(
    '/dead-letters/:id/discard',
    {
      config: { access: 'ops', answersOnce: true },
      schema: {
        tags,
        summary: 'Take a dead letter out of its queue for good',
        description: 'What it was is kept in the audit.',
        headers: operatorHeaders,
        params: letterParams,
        body: discardBody,
        response: { 200: actionResource, ...problems(400, 404, 503) },
      },
    },
    async (request) => {
      const { id } = request.params;
      const { reason } = request.body;
      return toActionResource(await actions.discard({ id, queues, reason, operator: operatorOf(request) }));
    },
  );

  app.get(
    '/dead-letters/actions',
    {
      config: { access: 'ops' },
      schema: {
        tags,
        summary: 'What operators did, the latest first',
        querystring: historyQuery,
        response: { 200: z.object({ items: z.array(actionResource) }), ...problems(400, 503) },
      },
    },
    async ({ query: { replayId: replayRunId, ...filter } }) => ({
      items: (await actions.history({ ...filter, replayRunId })).map(toActionResource),
    }),
  );
}

function registerReplayRoutes(app: HttpServer, { actions, background }: UseCases): void {
  const { replays } = actions;

  app.post(
    '/dead-letters/replays',
    {
      config: { access: 'ops', answersOnce: true },
      schema: {
        tags,
        summary: 'Send all dead letters of a selection back',
        description:
          'In growing batches, at most `ratePerSecond`. Halts by itself when what it sent back dies of the same again.',
        headers: operatorHeaders,
        body: replaysBody,
        response: { 202: replayResource, ...problems(400, 503) },
      },
    },
    async (request, reply) => {
      const { selection, ratePerSecond } = request.body;
      const operator = operatorOf(request);
      const run = await replays.begin({ selection: toSelection(selection), ratePerSecond, operator });
      background.carryOut(run, operator);
      return reply
        .code(202)
        .header('location', `/dead-letters/replays/${run.id}`)
        .send(toReplayResource(run));
    },
  );

  app.get(
    '/dead-letters/replays',
    {
      config: { access: 'ops' },
      schema: {
        tags,
        summary: 'Replays, the latest first',
        querystring: replaysQuery,
        response: { 200: z.object({ items: z.array(replayResource) }), ...problems(400, 503) },
      },
    },
    async ({ query: { limit } }) => ({ items: (await replays.list(limit)).map(toReplayResource) }),
  );

  app.get(
    '/dead-letters/replays/:id',
    {
      config: { access: 'ops' },
      schema: {
        tags,
        summary: 'How far a replay is',
        params: replayParams,
        response: { 200: replayResource, ...problems(400, 404, 503) },
      },
    },
    async ({ params: { id } }) => toReplayResource(await replays.find(id)),
  );

  app.post(
    '/dead-letters/replays/:id/stop',
    {
      config: { access: 'ops', answersOnce: true },
      schema: {
        tags,
        summary: 'Stop a replay after the batch under way',
        headers: operatorHeaders,
        params: replayParams,
        response: { 200: replayResource, ...problems(400, 404, 409, 503) },
      },
    },
    async (request) => toReplayResource(await replays.stop(request.params.id, operatorOf(request))),
  );

  app.post(
    '/dead-letters/replays/:id/resume',
    {
      config: { access: 'ops', answersOnce: true },
      schema: {
        tags,
        summary: 'Go on with a replay that was interrupted, stopped or halted',
        headers: operatorHeaders,
        params: replayParams,
        response: { 202: replayResource, ...problems(400, 404, 409, 503) },
      },
    },
    async (request, reply) => {
      const operator = operatorOf(request);
      const run = await replays.resume(request.params.id, operator);
      background.carryOut(run, operator);
      return reply.code(202).send(toReplayResource(run));
    },
  );
}
