import { parseArgs } from 'node:util';
import { isUuid } from '#shared/kernel/ids.ts';
import { allDeadLetterQueues, type Selection } from '../../application/dead-letters/selection.ts';
import { requireSense, wrongUse } from '../wrong-use.ts';
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
  /**
   * Ids of letters that have to be looked up: they may be given by their end, or nobody would notice that there is no
   * such letter. Give {@link readCommandLine} the whole ones and read again.
   */
  readonly idsToFind: readonly string[];
  readonly queues: readonly string[];
}

const takeLetters = new Set(['show', 'replay', 'edit', 'discard']);
const takeOne = new Set(['show', 'edit', 'discard', 'resume', 'stop']);

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
  const [name = '', ...operands] = positionals;
  requireSense(values, operands);
  const mostOperands = name === 'replay' ? Number.POSITIVE_INFINITY : takeOne.has(name) ? 1 : 0;
  if (operands.length > mostOperands) throw wrongUse(`what is ${operands[mostOperands]} to ${name}?`);
  const selection = readSelection(values);
  const words = positionals.map((word) => wholeIds.get(word) ?? word);
  const look = readLookingCommand(words, values, selection);
  const act = look ? undefined : readActingCommand(words, values, selection);
  const mayMissSome = operands.length > 1 || (values['dry-run'] ?? false);
  const idsToFind = takeLetters.has(name) ? operands.filter((id) => mayMissSome || mayBeShort(id)) : [];
  return {
    name: positionals[0],
    command: look ? { look } : act && { act },
    asksForHelp: values.help ?? false,
    idsToFind,
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
    orderId: orderId === undefined ? undefined : readOrderId(orderId),
    fingerprint,
    failedAfter: readTime(values.after),
    failedBefore: readTime(values.before),
  };
}

function readTime(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const time = new Date(text);
  if (!Number.isNaN(time.getTime())) return time.toISOString();
  throw wrongUse(`${text} is not a time`);
}

function readOrderId(text: string): string {
  if (!isUuid(text)) throw wrongUse(`${text} is not an id`);
  return text;
}
