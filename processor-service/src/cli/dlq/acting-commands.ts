import { readFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { AppError } from '#shared/kernel/errors.ts';
import { isUuid } from '#shared/kernel/ids.ts';
import type { DeadLetterActions } from '../../application/dead-letters/dead-letter-actions.ts';
import { defaultPerSecond, mostPerSecond } from '../../application/dead-letters/replay-ramp.ts';
import type { ReplayProgress } from '../../application/dead-letters/replay-run.ts';
import type { Selection } from '../../application/dead-letters/selection.ts';
import type { OperatorAction } from '../../application/ports/operator-actions.ts';
import type { ReplayRun } from '../../application/ports/replay-runs.ts';

/** Options of the commands that act, besides the filters; see `parseArgs` of Node. */
export const actingOptions = {
  all: { type: 'boolean' },
  rate: { type: 'string' },
  file: { type: 'string' },
  reason: { type: 'string' },
  operator: { type: 'string' },
  order: { type: 'string' },
  message: { type: 'string' },
  run: { type: 'string' },
} as const;

export interface ActingValues {
  readonly queue?: string | readonly string[] | undefined;
  readonly all?: boolean | undefined;
  readonly rate?: string | undefined;
  readonly file?: string | undefined;
  readonly reason?: string | undefined;
  readonly operator?: string | undefined;
  readonly order?: string | undefined;
  readonly message?: string | undefined;
  readonly run?: string | undefined;
}

/** Answers the exit code: 0 when what was asked for is done. `signal` asks for an early end. */
export type ActingCommand = (actions: DeadLetterActions, signal: AbortSignal) => Promise<number>;

/** What a command has to go by. */
interface Asked {
  readonly operands: readonly string[];
  readonly values: ActingValues;
  /** What the filters select. */
  readonly selection: Selection;
  readonly operator: string;
}

/** `undefined` when the command is none of these, or lacks what it needs. */
export function readActingCommand(
  [command, ...operands]: readonly string[],
  values: ActingValues,
  /** What the filters select. */
  selection: Selection,
): ActingCommand | undefined {
  const operator = readText('--operator', values.operator ?? userInfo().username);
  const read = readers.get(command ?? '');
  return read?.({ operands, values, selection, operator });
}

const readers: ReadonlyMap<string, (asked: Asked) => ActingCommand | undefined> = new Map([
  ['replay', readReplay],
  ['edit', readEdit],
  ['discard', readDiscard],
  ['runs', () => listRuns],
  ['resume', readResume],
  ['stop', readStop],
  [
    'actions',
    ({ values }: Asked) =>
      (actions: DeadLetterActions) =>
        listActions(actions, values),
  ],
]);

function readReplay({ operands, values, selection, operator }: Asked): ActingCommand | undefined {
  const ratePerSecond = readRate(values.rate);
  if (ratePerSecond === undefined) return undefined;
  const { queues, ...conditions } = selection;
  const isConditional = Object.values(conditions).some((condition) => condition !== undefined);
  const [id] = operands;
  if (id === undefined && !values.all && !values.queue && !isConditional) return undefined;
  if (id !== undefined && operands.length === 1 && !isConditional) {
    return async ({ replay }) => tell('replayed', await replay({ id, queues, operator }));
  }
  const wanted = id === undefined ? selection : { ...selection, ids: operands };
  return async (actions, signal) => {
    const run = await actions.replays.begin({ selection: wanted, ratePerSecond, operator });
    return carryOut(actions, run, { operator, signal });
  };
}

function readEdit({
  operands: [id],
  values: { file },
  selection,
  operator,
}: Asked): ActingCommand | undefined {
  if (id === undefined || file === undefined) return undefined;
  const { queues } = selection;
  return async ({ edit }) => {
    const action = await edit({ id, queues, body: await readFile(file), operator });
    return tell('edited', action, `, sent as ${action.replacedBy}`);
  };
}

function readDiscard({
  operands: [id],
  values,
  selection: { queues },
  operator,
}: Asked): ActingCommand | undefined {
  if (id === undefined || values.reason === undefined) return undefined;
  const reason = readText('--reason', values.reason);
  return async ({ discard }) => tell('discarded', await discard({ id, queues, reason, operator }));
}

function readResume({ operands: [id], operator }: Asked): ActingCommand | undefined {
  if (id === undefined) return undefined;
  return async (actions, signal) =>
    carryOut(actions, await actions.replays.resume(id, operator), { operator, signal });
}

function readStop({ operands: [id], operator }: Asked): ActingCommand | undefined {
  if (id === undefined) return undefined;
  return async ({ replays }) => print(describeRun(await replays.stop(id, operator)));
}

function readRate(text: string | undefined): number | undefined {
  if (text === undefined) return defaultPerSecond;
  const rate = Number(text);
  return Number.isInteger(rate) && rate >= 1 && rate <= mostPerSecond ? rate : undefined;
}

async function carryOut(
  actions: DeadLetterActions,
  { id }: ReplayRun,
  options: { operator: string; signal: AbortSignal },
): Promise<number> {
  const run = await actions.replays.find(id);
  print(`replay ${id}, ${run.ratePerSecond} letters a second at most`);
  try {
    await actions.carryOut(run, { ...options, onProgress: showProgress });
  } catch (error) {
    console.error(`go on with: npm run dlq -- resume ${id}`);
    throw error;
  }
  const { status, replayed, reason } = await actions.replays.find(id);
  print(`${replayed} replayed`);
  if (status === 'finished') {
    if (reason !== null) console.error(reason);
    return reason === null ? 0 : 1;
  }
  console.error(reason === null ? status : `${status}: ${reason}`);
  console.error(`go on with: npm run dlq -- resume ${id}`);
  return 1;
}

function showProgress({ letters, batch, perSecond }: ReplayProgress): void {
  print(`  ${letters} replayed, ${perSecond.toFixed(1)}/s, the last ${batch} at once`);
}

const mostShown = 100;

async function listRuns({ replays }: DeadLetterActions): Promise<number> {
  const runs = await replays.list(mostShown);
  for (const run of runs) print(describeRun(run));
  return print(runs.length === 0 ? 'no replays' : `${runs.length} replay${runs.length === 1 ? '' : 's'}`);
}

function describeRun({ id, status, replayed, operator, startedAt, reason, selection }: ReplayRun): string {
  return [
    `${id}  ${status}  ${replayed} replayed  by ${operator}  ${startedAt.toISOString()}`,
    `    ${JSON.stringify(selection)}`,
    ...(reason === null ? [] : [`    ${reason}`]),
  ].join('\n');
}

async function listActions({ history }: DeadLetterActions, values: ActingValues): Promise<number> {
  const { order: orderId, message: messageId, run: replayRunId } = values;
  for (const id of [orderId, replayRunId]) if (id !== undefined && !isUuid(id)) throw noId(id);
  const actions = await history({ orderId, messageId, replayRunId, limit: mostShown });
  for (const action of actions) print(describeAction(action));
  return print(
    actions.length === 0 ? 'no actions' : `${actions.length} action${actions.length === 1 ? '' : 's'}`,
  );
}

function noId(text: string): AppError {
  return new AppError({ code: 'VALIDATION_FAILED', kind: 'rejected', message: `${text} is not an id` });
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

function tell(what: string, { letter, type, orderId }: OperatorAction, more = ''): number {
  return print(`${what} ${letter?.messageId} ${type}${orderId ? ` of order ${orderId}` : ''}${more}`);
}

function print(line: string): number {
  console.log(line);
  return 0;
}

const longestText = 200;

/** @throws AppError `VALIDATION_FAILED` for what neither the audit nor a message can carry. */
function readText(option: string, given: string): string {
  const value = given.trim();
  if (value === '' || value.length > longestText || !value.isWellFormed() || /\p{Cc}/u.test(value)) {
    throw new AppError({
      code: 'VALIDATION_FAILED',
      kind: 'rejected',
      message: `${option} has to be text of 1 to ${longestText} characters without control characters`,
    });
  }
  return value;
}
