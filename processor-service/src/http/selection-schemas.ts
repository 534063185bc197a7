import { z } from 'zod';
import { allDeadLetterQueues, type Selection } from '../application/dead-letters/selection.ts';

const longestText = 200;
const text = z.string().min(1).max(longestText);
const mostIds = 1_000;
const aQueue = { error: `has to be one of ${allDeadLetterQueues.join(', ')}` };
const queue = z.enum(allDeadLetterQueues, aQueue);

const parts = {
  orderId: z.uuid().optional(),
  fingerprint: text.optional().describe('A group of letters that failed alike'),
  failedAfter: z.iso.datetime({ offset: true }).optional().describe('Inclusive'),
  failedBefore: z.iso.datetime({ offset: true }).optional().describe('Exclusive'),
};

/** Which dead letters are meant, as a body says it; an empty one means all. */
export const selectionBody = z
  .strictObject({
    queues: z.array(queue).min(1).optional(),
    ids: z.array(text).min(1).max(mostIds).optional(),
    types: z.array(text).min(1).max(50).optional(),
    errorCodes: z.array(text).min(1).max(50).optional(),
    ...parts,
  })
  .describe('Letters for which all of this holds');

const mostTimes = 50;
const repeatable = z
  .union([text, z.array(text).max(mostTimes)], {
    error: `has to be text of 1 to ${longestText} characters, ${mostTimes} times at most`,
  })
  .optional();

/** The same as query parameters; those for a list may be repeated. */
export const selectionQuery = z.strictObject({
  queue: z.union([queue, z.array(queue)], aQueue).optional(),
  id: repeatable,
  type: repeatable,
  errorCode: repeatable,
  ...parts,
});

export function toSelection({
  queues = [...allDeadLetterQueues],
  ...parts
}: z.output<typeof selectionBody>): Selection {
  return { queues, ...parts };
}

export function fromSelectionQuery(query: z.output<typeof selectionQuery>): Selection {
  const { queue, id, type, errorCode, orderId, fingerprint, failedAfter, failedBefore } = query;
  const list = (value: string | string[] | undefined) => (value === undefined ? undefined : [value].flat());
  return {
    queues: queue === undefined ? allDeadLetterQueues : [...new Set([queue].flat())],
    ids: list(id),
    types: list(type),
    errorCodes: list(errorCode),
    orderId,
    fingerprint,
    failedAfter,
    failedBefore,
  };
}
