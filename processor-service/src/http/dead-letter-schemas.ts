import { z } from 'zod';
import type { OperatorAction } from '../application/ports/operator-actions.ts';
import type { ReplayRun } from '../application/ports/replay-runs.ts';

const time = z.iso.datetime();

/** A line of the audit. */
export const actionResource = z
  .object({
    id: z.int(),
    action: z.enum(['replay', 'edit', 'discard', 'resume']),
    operator: z.string(),
    outcome: z.enum(['intended', 'done', 'failed']).describe('`intended`: begun, and not known to be over'),
    error: z.string().nullable(),
    reason: z.string().nullable(),
    messageId: z.string().nullable(),
    queue: z.string().nullable(),
    replayCount: z.int().nullable().describe('The count that the message carries after a replay'),
    orderId: z.string().nullable(),
    type: z.string().nullable(),
    errorCode: z.string().nullable(),
    fingerprint: z.string().nullable(),
    replayId: z.string().nullable(),
    replacedBy: z.string().nullable().describe('Id of the message that was sent instead'),
    original: z
      .object({
        headers: z.record(z.string(), z.unknown()),
        body: z.string(),
        encoding: z.enum(['utf8', 'base64']),
      })
      .nullable()
      .describe('The message as it was before it was edited or discarded'),
    at: time,
  })
  .meta({ id: 'OperatorAction' });

export function toActionResource(action: OperatorAction): z.infer<typeof actionResource> {
  const { id, operator, outcome, error, letter, original } = action;
  return {
    id,
    action: action.action,
    operator,
    outcome,
    error,
    reason: action.reason ?? null,
    messageId: letter?.messageId ?? null,
    queue: letter?.queue ?? null,
    replayCount: letter?.replayCount ?? null,
    orderId: action.orderId ?? null,
    type: action.type ?? null,
    errorCode: action.errorCode ?? null,
    fingerprint: action.fingerprint ?? null,
    replayId: action.replayRunId ?? null,
    replacedBy: action.replacedBy ?? null,
    original: original ? { ...original, headers: { ...original.headers } } : null,
    at: action.at.toISOString(),
  };
}

/** A replay of several letters. */
export const replayResource = z
  .object({
    id: z.string(),
    operator: z.string(),
    selection: z.object({
      queues: z.array(z.string()),
      types: z.array(z.string()).optional(),
      errorCodes: z.array(z.string()).optional(),
      orderId: z.string().optional(),
      ids: z.array(z.string()).optional(),
      fingerprint: z.string().optional(),
      failedAfter: z.string().optional(),
      failedBefore: z.string().optional(),
    }),
    status: z
      .enum(['running', 'interrupted', 'finished', 'stopped', 'halted'])
      .describe(
        '`interrupted`: nobody has carried it on for 15 s. `halted`: what it sent back died of the same again',
      ),
    replayed: z.int().describe('Letters sent back so far'),
    batchSize: z.int(),
    ratePerSecond: z.int(),
    reason: z.string().nullable().describe('Why it was halted or stopped'),
    startedAt: time,
    updatedAt: time.describe('The last sign of life'),
    endedAt: time.nullable(),
  })
  .meta({ id: 'Replay' });

export function toReplayResource(run: ReplayRun): z.infer<typeof replayResource> {
  const { selection, startedAt, updatedAt, endedAt, ...rest } = run;
  return {
    ...rest,
    selection: {
      ...selection,
      queues: [...selection.queues],
      types: selection.types && [...selection.types],
      errorCodes: selection.errorCodes && [...selection.errorCodes],
      ids: selection.ids && [...selection.ids],
    },
    startedAt: startedAt.toISOString(),
    updatedAt: updatedAt.toISOString(),
    endedAt: endedAt?.toISOString() ?? null,
  };
}
