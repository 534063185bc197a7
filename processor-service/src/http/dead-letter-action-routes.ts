import { z } from 'zod';
import { problems } from '#shared/http/problem.ts';
import type { HttpServer } from '#shared/http/server.ts';
import { text } from '#shared/http/text.ts';
import type { DeadLetterActions } from '../application/dead-letters/dead-letter-actions.ts';
import { allDeadLetterQueues } from '../application/dead-letters/selection.ts';
import { actionResource, toActionResource } from './dead-letter-schemas.ts';
import { operatorHeaders, operatorOf } from './operator.ts';

const tags = ['dead letters'];

const letterParams = z.object({ id: z.string().min(1).max(200).describe('Message id of the letter') });

const discardBody = z.strictObject({ reason: text(200) });
const editBody = z
  .record(z.string(), z.unknown())
  .describe('The whole message; its `id` is of no importance');

const historyQuery = z.strictObject({
  orderId: z.uuid().optional(),
  messageId: z.string().min(1).max(200).optional(),
  replayId: z.uuid().optional(),
  limit: z.coerce.number().int().min(1).max(500).default(100),
});

/** The REST side of what operators do about one dead letter, and of what they did. */
export function registerDeadLetterActionRoutes(
  app: HttpServer,
  { actions }: { actions: DeadLetterActions },
): void {
  const queues = allDeadLetterQueues;

  app.post(
    '/dead-letters/:id/replay',
    {
      config: { access: 'ops', answersOnce: true },
      schema: {
        operationId: 'replayDeadLetter',
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
        operationId: 'editDeadLetter',
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
        operationId: 'discardDeadLetter',
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
        operationId: 'listOperatorActions',
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
