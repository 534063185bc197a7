import type { DeadLetterSummary } from '../../application/dead-letters/dead-letter.ts';
import type { DryRun } from '../../application/dead-letters/dry-run.ts';
import type { DeadLetterGroup } from '../../application/dead-letters/group-letters.ts';
import type { LookAtDeadLetters } from '../../application/dead-letters/look-at-dead-letters.ts';
import { type ReplayPrediction, replayEffects } from '../../application/dead-letters/predict-replay.ts';
import type { Selection } from '../../application/dead-letters/selection.ts';
import { describeDetail } from './letter-detail.ts';
import { shortLengthOf } from './short-ids.ts';
import { counted, excerpt, formatTable, shortTime } from './table.ts';

/** The half of the desk that changes nothing. */
export interface LookingDesk {
  readonly looks: LookAtDeadLetters;
  readonly dryRun: DryRun;
}

/** Prints what it finds; stops early when `signal` says that nobody reads any more. */
export type LookingCommand = (desk: LookingDesk, signal: AbortSignal) => Promise<void>;

/** Options of the commands that look, besides the filters. */
export const lookingOptions = { json: { type: 'boolean' }, 'dry-run': { type: 'boolean' } } as const;

interface LookingValues {
  readonly json?: boolean | undefined;
  readonly 'dry-run'?: boolean | undefined;
}

/** `undefined` when the command is none of these, or lacks what it needs. */
export function readLookingCommand(
  [command, ...ids]: readonly string[],
  { json = false, 'dry-run': isDryRun = false }: LookingValues,
  selection: Selection,
): LookingCommand | undefined {
  const [id] = ids;
  if (command === 'list') {
    return ({ looks }, signal) => show(looks.list(selection), { json, signal, describe: describeLetters });
  }
  if (command === 'groups') {
    return async ({ looks }, signal) => {
      await show(await looks.groups(selection), { json, signal, describe: describeGroups });
    };
  }
  if (command === 'show' && id !== undefined && ids.length === 1) {
    return async ({ looks }) => {
      const detail = await looks.show({ id, queues: selection.queues });
      console.log(json ? JSON.stringify(detail) : describeDetail(detail));
    };
  }
  if (command === 'replay' && isDryRun) {
    const wanted = ids.length > 0 ? { ...selection, ids } : selection;
    return ({ dryRun }, signal) =>
      show(dryRun.predict(wanted), { json, signal, describe: describePredictions });
  }
  return undefined;
}

async function show<T>(
  items: AsyncIterable<T> | Iterable<T>,
  options: { json: boolean; signal: AbortSignal; describe: (items: readonly T[]) => string },
): Promise<void> {
  const { json, signal, describe } = options;
  const gathered: T[] = [];
  for await (const item of items) {
    if (signal.aborted) return;
    if (json) console.log(JSON.stringify(item));
    else gathered.push(item);
  }
  if (!json) console.log(describe(gathered));
}

function describeLetters(letters: readonly DeadLetterSummary[]): string {
  const shortLength = shortLengthOf(letters.map(({ id }) => id));
  const tables = byQueue(letters, ({ queue }) => queue).map(([queue, those]) => {
    const rows = those.map((letter) => [
      letter.id.slice(-shortLength),
      letter.fingerprint,
      shortTime(letter.failedAt),
      letter.errorCode,
      letter.type || '(no type)',
      letter.orderId ?? '-',
      String(letter.attempts),
      String(letter.replayCount),
      excerpt(letter.errorMessage, 60),
    ]);
    const header = ['ID', 'GROUP', 'GIVEN UP (UTC)', 'ERROR', 'TYPE', 'ORDER', 'ATTEMPTS', 'REPLAYS', ''];
    return `${queue}\n${formatTable(header, rows)}\n`;
  });
  return [...tables, letters.length === 0 ? 'no dead letters' : counted(letters.length, 'dead letter')].join(
    '\n',
  );
}

function describeGroups(groups: readonly DeadLetterGroup[]): string {
  const shortLength = shortLengthOf(groups.map(({ exampleId }) => exampleId));
  const rows = groups.map((group) => [
    group.fingerprint,
    String(group.count),
    shortTime(group.firstSeenAt),
    shortTime(group.lastSeenAt),
    group.errorCode,
    group.type || '(no type)',
    group.exampleId.slice(-shortLength),
    group.frame,
  ]);
  const header = ['GROUP', 'LETTERS', 'FIRST (UTC)', 'LAST (UTC)', 'ERROR', 'TYPE', 'EXAMPLE', 'WHERE'];
  const tables = byQueue(rows, (_, index) => groups[index]?.queue ?? '').map(
    ([queue, those]) => `${queue}\n${formatTable(header, those)}\n`,
  );
  const total = groups.reduce((sum, { count }) => sum + count, 0);
  const end =
    total === 0
      ? 'no dead letters'
      : `${counted(total, 'dead letter')} in ${counted(groups.length, 'group')}`;
  return [...tables, end].join('\n');
}

function describePredictions(predictions: readonly ReplayPrediction[]): string {
  if (predictions.length === 0) return 'no dead letters';
  const shortLength = shortLengthOf(predictions.map(({ letter }) => letter.id));
  const rows = predictions.map(({ letter, effect, schema, order, saga, reason }) => [
    letter.id.slice(-shortLength),
    letter.type || '(no type)',
    inWords(effect),
    schema === 'valid' ? 'valid' : 'broken',
    order,
    saga,
    excerpt(reason, 100),
  ]);
  const counts = replayEffects
    .map(
      (effect) => [effect, predictions.filter((prediction) => prediction.effect === effect).length] as const,
    )
    .filter(([, count]) => count > 0)
    .map(([effect, count]) => `${count} ${inWords(effect)}`);
  const header = ['ID', 'TYPE', 'A REPLAY', 'SCHEMA', 'ORDER', 'SAGA', ''];
  return `${formatTable(header, rows)}\n\n${counted(predictions.length, 'dead letter')}: ${counts.join(', ')}`;
}

function inWords(effect: ReplayPrediction['effect']): string {
  return effect === 'none' ? 'has no effect' : effect.replaceAll('_', ' ');
}

/** In the order in which the queues come. */
function byQueue<T>(
  items: readonly T[],
  queueOf: (item: T, index: number) => string,
): [string, readonly T[]][] {
  return [...Map.groupBy(items, queueOf)];
}
