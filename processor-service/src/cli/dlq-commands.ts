import { parseArgs } from 'node:util';
import { AppError } from '#shared/kernel/errors.ts';
import type { DeadLetterDesk, DeadLetterDetail } from '../application/dead-letter-desk.ts';
import { allDeadLetterQueues, type Selection } from '../application/dead-letters/selection.ts';
import { type ActingCommand, actingOptions, actingUsage, readActingCommand } from './acting-commands.ts';

export const usage = `usage: npm run dlq -- <command> [--queue <name>]

  list                      the dead letters, oldest first
  show <id>                 everything about one: where it came from, why it failed, its body
${actingUsage}

Filters, which may be repeated: --queue, --type, --error. Besides: --order <id>, --group <fingerprint>,
--after <time>, --before <time>. Without --queue every dead-letter queue is looked at.`;

/** What an operator wants done: with the half of the desk that looks, or with the one that acts. */
export type DlqCommand =
  | { readonly look: (desk: DeadLetterDesk) => Promise<void> }
  | { readonly act: ActingCommand };

/**
 * Reads the command line; `undefined` when it asks for help or makes no sense.
 *
 * @throws TypeError naming an option that does not exist.
 */
export function readCommandLine(args: readonly string[]): DlqCommand | undefined {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { ...filterOptions, ...actingOptions },
  });
  const selection = readSelection(values);
  const [command, id] = positionals;
  if (command === 'list') return { look: (desk) => list(desk, selection.queues) };
  if (command === 'show' && id !== undefined) {
    return { look: async (desk) => print(await desk.show(selection.queues, id)) };
  }
  const act = readActingCommand(positionals, values, selection);
  return act && { act };
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

async function list(desk: DeadLetterDesk, queues: readonly string[]): Promise<void> {
  let count = 0;
  for await (const letter of desk.list(queues)) {
    count += 1;
    const { id, queue, type, orderId, errorCode, errorMessage, attempts, replayCount, failedAt } = letter;
    console.log(`${id}  ${type || '(no type)'}  ${errorCode}  ${failedAt ?? '(no time)'}`);
    console.log(
      `    queue ${queue}, order ${orderId ?? '(none)'}, attempts ${attempts}, replays ${replayCount}`,
    );
    console.log(`    ${errorMessage.split('\n')[0]}`);
  }
  console.log(count === 0 ? 'no dead letters' : `${count} dead letter${count === 1 ? '' : 's'}`);
}

function print({ body, ...detail }: DeadLetterDetail): void {
  console.log(JSON.stringify(detail, null, 2));
  console.log(prettyJson(body));
}

function prettyJson(body: string): string {
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return body;
  }
}
