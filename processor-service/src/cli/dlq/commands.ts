import { parseArgs } from 'node:util';
import { AppError } from '#shared/kernel/errors.ts';
import { allDeadLetterQueues, type Selection } from '../../application/dead-letters/selection.ts';
import { type ActingCommand, actingOptions, readActingCommand } from './acting-commands.ts';
import { type LookingCommand, lookingOptions, readLookingCommand } from './looking-commands.ts';
import { mayBeShort } from './short-ids.ts';

/** What an operator wants done: with the half of the desk that looks, or with the one that acts. */
export type DlqCommand = { readonly look: LookingCommand } | { readonly act: ActingCommand };

export interface CommandLine {
  /** The first word, if there is one. */
  readonly name: string | undefined;
  /** `undefined` when it asks for help or makes no sense. */
  readonly command: DlqCommand | undefined;
  readonly asksForHelp: boolean;
  /** Ids of letters that may be given by their end; give {@link readCommandLine} the whole ones and read again. */
  readonly shortIds: readonly string[];
  readonly queues: readonly string[];
}

const takeLetters = new Set(['show', 'replay', 'edit', 'discard']);

/** @throws TypeError naming an option that does not exist, AppError `VALIDATION_FAILED`. */
export function readCommandLine(
  args: readonly string[],
  wholeIds: ReadonlyMap<string, string> = new Map(),
): CommandLine {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { ...filterOptions, ...lookingOptions, ...actingOptions, help: { type: 'boolean' } },
  });
  const [name, ...operands] = positionals;
  const selection = readSelection(values);
  const words = positionals.map((word) => wholeIds.get(word) ?? word);
  const look = readLookingCommand(words, values, selection);
  const act = look ? undefined : readActingCommand(words, values, selection);
  const shortIds = name !== undefined && takeLetters.has(name) ? operands.filter(mayBeShort) : [];
  return {
    name,
    command: look ? { look } : act && { act },
    asksForHelp: values.help ?? false,
    shortIds,
    queues: selection.queues,
  };
}

const filterOptions = {
  queue: { type: 'string', multiple: true },
  type: { type: 'string', multiple: true },
  error: { type: 'string', multiple: true },
  order: { type: 'string' },
  group: { type: 'string' },
  after: { type: 'string' },
  before: { type: 'string' },
} as const;

function readSelection(values: {
  queue?: string[];
  type?: string[];
  error?: string[];
  order?: string;
  group?: string;
  after?: string;
  before?: string;
}): Selection {
  const { queue: queues, type: types, error: errorCodes, order: orderId, group: fingerprint } = values;
  return {
    queues: queues ?? allDeadLetterQueues,
    types,
    errorCodes,
    orderId,
    fingerprint,
    failedAfter: readTime(values.after),
    failedBefore: readTime(values.before),
  };
}

function readTime(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const time = new Date(text);
  if (!Number.isNaN(time.getTime())) return time.toISOString();
  throw new AppError({ code: 'VALIDATION_FAILED', kind: 'rejected', message: `${text} is not a time` });
}
