import { readFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import type { DeadLetterActions } from '../../application/dead-letters/dead-letter-actions.ts';
import { defaultPerSecond, mostPerSecond } from '../../application/dead-letters/replay-ramp.ts';
import type { ReplayProgress } from '../../application/dead-letters/replay-run.ts';
import type { Selection } from '../../application/dead-letters/selection.ts';
import type { ReplayRun } from '../../application/ports/replay-runs.ts';
import { readText, wrongUse } from '../wrong-use.ts';
import { describeRun, listActions, listRuns, print, tell } from './tell-actions.ts';

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
  readonly json?: boolean | undefined;
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
  [
    'runs',
    ({ values }: Asked) =>
      (actions: DeadLetterActions) =>
        listRuns(actions, values),
  ],
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
    const action = await edit({ id, queues, body: await readBody(file), operator });
    return tell('edited', action, `, sent as ${action.replacedBy}`);
  };
}

async function readBody(file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch {
    throw wrongUse(`${file} cannot be read`);
  }
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

function readRate(text: string | undefined): number {
  const rate = Number(text ?? defaultPerSecond);
  if (Number.isInteger(rate) && rate >= 1 && rate <= mostPerSecond) return rate;
  throw wrongUse(`--rate has to be a whole number from 1 to ${mostPerSecond}`);
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
