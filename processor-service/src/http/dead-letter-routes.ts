import { z } from 'zod';
import { problems } from '#shared/http/problem.ts';
import type { HttpServer } from '#shared/http/server.ts';
import type { DryRun } from '../application/dead-letters/dry-run.ts';
import type { LookAtDeadLetters } from '../application/dead-letters/look-at-dead-letters.ts';
import type { ReplayPrediction } from '../application/dead-letters/predict-replay.ts';
import { allDeadLetterQueues } from '../application/dead-letters/selection.ts';
import {
  detailResource,
  groupResource,
  letterResource,
  predictionResource,
  toDetailResource,
  toPredictionResource,
} from './dead-letter-resources.ts';
import { fromSelectionQuery, selectionBody, selectionQuery, toSelection } from './selection-schemas.ts';

const tags = ['dead letters'];

const defaultLimit = 100;
const mostItems = 1_000;

const hasMore = z.boolean().describe('Whether the limit cut it off');
const listQuery = selectionQuery.extend({
  limit: z.coerce.number().int().min(1).max(mostItems).default(defaultLimit),
});
const letterParams = z.object({
  id: z.string().min(1).max(200).describe('Message id, or a digest of the body where there is none'),
});
const letterQuery = z.strictObject({
  queue: z.string().optional().describe('Otherwise all are looked through'),
});
const dryRunBody = z.strictObject({
  selection: selectionBody.optional(),
  limit: z.int().min(1).max(mostItems).default(defaultLimit),
});

/** The REST side of looking at dead letters. */
export function registerDeadLetterRoutes(
  app: HttpServer,
  useCases: { looks: LookAtDeadLetters; dryRun: DryRun },
): void {
  const { looks, dryRun } = useCases;

  app.get(
    '/dead-letters',
    {
      config: { access: 'ops' },
      schema: {
        operationId: 'listDeadLetters',
        tags,
        summary: 'Dead letters, oldest first, queue by queue',
        description: 'Looking changes nothing. Parameters for lists may be repeated.',
        querystring: listQuery,
        response: { 200: z.object({ items: z.array(letterResource), hasMore }), ...problems(400, 404, 503) },
      },
    },
    async ({ query: { limit, ...filters } }) => {
      const page = await looks.page(fromSelectionQuery(filters), limit);
      return { ...page, items: [...page.items] };
    },
  );

  app.get(
    '/dead-letters/groups',
    {
      config: { access: 'ops' },
      schema: {
        operationId: 'groupDeadLetters',
        tags,
        summary: 'Dead letters by what they failed of, the largest groups first',
        description:
          'A group is known by its fingerprint: same queue, type, error code and place in our code.',
        querystring: selectionQuery,
        response: { 200: z.object({ items: z.array(groupResource) }), ...problems(400, 404, 503) },
      },
    },
    async ({ query }) => ({ items: [...(await looks.groups(fromSelectionQuery(query)))] }),
  );

  app.get(
    '/dead-letters/:id',
    {
      config: { access: 'ops' },
      schema: {
        operationId: 'getDeadLetter',
        tags,
        summary: 'Everything about a dead letter',
        description: 'With its history, its order, its saga, and what a replay would do.',
        params: letterParams,
        querystring: letterQuery,
        response: { 200: detailResource, ...problems(400, 404, 503) },
      },
    },
    async ({ params: { id }, query: { queue } }) => {
      const queues = queue === undefined ? allDeadLetterQueues : [queue];
      return toDetailResource(await looks.show({ id, queues }));
    },
  );

  app.post(
    '/dead-letters/dry-run',
    {
      config: { access: 'ops' },
      schema: {
        operationId: 'predictReplay',
        tags,
        summary: 'What a replay would do',
        description:
          'For each letter of the selection, as if it were replayed now and alone. Changes nothing.',
        body: dryRunBody,
        response: {
          200: z.object({ items: z.array(predictionResource), hasMore }),
          ...problems(400, 404, 503),
        },
      },
    },
    async ({ body: { selection = {}, limit } }) => {
      const predictions: ReplayPrediction[] = [];
      // One more than asked for tells whether there are more.
      const all = dryRun.predict(toSelection(selection), { limit: limit + 1 });
      for await (const prediction of all) predictions.push(prediction);
      return {
        items: predictions.slice(0, limit).map(toPredictionResource),
        hasMore: predictions.length > limit,
      };
    },
  );
}
