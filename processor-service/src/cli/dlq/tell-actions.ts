import { isUuid } from '#shared/kernel/ids.ts';
import type { DeadLetterActions } from '../../application/dead-letters/dead-letter-actions.ts';
import type { OperatorAction } from '../../application/ports/operator-actions.ts';
import type { ReplayRun } from '../../application/ports/replay-runs.ts';
import { wrongUse } from '../wrong-use.ts';

interface TellingValues {
  readonly json?: boolean | undefined;
  readonly order?: string | undefined;
  readonly message?: string | undefined;
  readonly run?: string | undefined;
}

const mostShown = 100;

export async function listRuns(
  { replays }: DeadLetterActions,
  { json = false }: TellingValues,
): Promise<number> {
  const runs = await replays.list(mostShown);
  if (json) return printJson(runs);
  for (const run of runs) print(describeRun(run));
  return print(runs.length === 0 ? 'no replays' : `${runs.length} replay${runs.length === 1 ? '' : 's'}`);
}

export function describeRun({
  id,
  status,
  replayed,
  operator,
  startedAt,
  reason,
  selection,
}: ReplayRun): string {
  return [
    `${id}  ${status}  ${replayed} replayed  by ${operator}  ${startedAt.toISOString()}`,
    `    ${JSON.stringify(selection)}`,
    ...(reason === null ? [] : [`    ${reason}`]),
  ].join('\n');
}

export async function listActions({ history }: DeadLetterActions, values: TellingValues): Promise<number> {
  const { order: orderId, message: messageId, run: replayRunId } = values;
  for (const id of [orderId, replayRunId]) {
    if (id !== undefined && !isUuid(id)) throw wrongUse(`${id} is not an id`);
  }
  const actions = await history({ orderId, messageId, replayRunId, limit: mostShown });
  if (values.json) return printJson(actions);
  for (const action of actions) print(describeAction(action));
  return print(
    actions.length === 0 ? 'no actions' : `${actions.length} action${actions.length === 1 ? '' : 's'}`,
  );
}

function describeAction(action: OperatorAction): string {
  const { at, operator, outcome, letter, orderId, replayRunId, replacedBy, reason, error } = action;
  const facts = [
    ...(letter ? [`message ${letter.messageId} in ${letter.queue}`] : []),
    ...(orderId ? [`order ${orderId}`] : []),
    ...(replayRunId ? [`run ${replayRunId}`] : []),
    ...(replacedBy ? [`sent as ${replacedBy}`] : []),
    ...(reason ? [reason] : []),
    ...(error ? [error] : []),
  ];
  return [
    `${at.toISOString()}  ${action.action}  ${outcome}  by ${operator}`,
    ...facts.map((fact) => `    ${fact}`),
  ].join('\n');
}

/** What became of one letter. */
export function tell(what: string, { letter, type, orderId }: OperatorAction, more = ''): number {
  const kind = type ? ` ${type}` : '';
  return print(`${what} ${letter?.messageId}${kind}${orderId ? ` of order ${orderId}` : ''}${more}`);
}

/** One object per line. */
function printJson(items: readonly unknown[]): number {
  const plain = (_key: string, value: unknown) => (typeof value === 'bigint' ? Number(value) : value);
  for (const item of items) print(JSON.stringify(item, plain));
  return 0;
}

/** Answers the exit code of a command that did what it was asked to. */
export function print(line: string): number {
  console.log(line);
  return 0;
}
