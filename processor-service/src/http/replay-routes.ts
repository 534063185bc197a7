import { z } from 'zod';
import { problems } from '#shared/http/problem.ts';
import type { HttpServer } from '#shared/http/server.ts';
import type { DeadLetterActions } from '../application/dead-letters/dead-letter-actions.ts';
import type { ReplaysInBackground } from '../application/dead-letters/replay-in-background.ts';
import { defaultPerSecond, mostPerSecond } from '../application/dead-letters/replay-ramp.ts';
import { replayResource, toReplayResource } from './dead-letter-schemas.ts';
import { operatorHeaders, operatorOf } from './operator.ts';
import { selectionBody, toSelection } from './selection-schemas.ts';

const tags = ['dead letters'];

const replayParams = z.object({ id: z.uuid() });
const replaysBody = z.strictObject({
  selection: selectionBody,
  ratePerSecond: z.int().min(1).max(mostPerSecond).default(defaultPerSecond),
});
const replaysQuery = z.strictObject({ limit: z.coerce.number().int().min(1).max(500).default(100) });

/** The REST side of replays of many dead letters, which go on in the background. */
export function registerReplayRoutes(
  app: HttpServer,
  useCases: { actions: DeadLetterActions; background: ReplaysInBackground },
): void {
  const { background } = useCases;
  const { replays } = useCases.actions;

  app.post(
    '/dead-letters/replays',
    {
      config: { access: 'ops', answersOnce: true },
      schema: {
        operationId: 'replayDeadLetters',
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
        operationId: 'listReplays',
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
        operationId: 'getReplay',
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
        operationId: 'stopReplay',
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
        operationId: 'resumeReplay',
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
