import { userInfo } from 'node:os';
import { parseArgs } from 'node:util';
import { deadLetterQueueOf, workQueues } from '#shared/contracts/topology.ts';
import type { DeadLetterDesk, DeadLetterDetail } from '../application/dead-letter-desk.ts';
import type { DeadLetterSummary } from '../application/dead-letters/dead-letter.ts';

export const usage = `usage: npm run dlq -- <command> [--queue <name>]

  list              the dead letters, oldest first
  show <id>         everything about one: where it came from, why it failed, its body
  replay <id>       send it back to where it was first published
  replay --all      send all back, in their order
  discard <id>      delete it for good

Without --queue every dead-letter queue is looked at.`;

/** What an operator wants done. */
export type DlqCommand = (desk: DeadLetterDesk) => Promise<void>;

/**
 * Reads the command line; `undefined` when it asks for help or makes no sense.
 *
 * @throws TypeError naming an option that does not exist.
 */
export function readCommandLine(args: readonly string[]): DlqCommand | undefined {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { queue: { type: 'string' }, all: { type: 'boolean' } },
  });
  const [command, id] = positionals;
  const queues = values.queue ? [values.queue] : workQueues.map(({ name }) => deadLetterQueueOf(name));
  if (command === 'list') return (desk) => list(desk, queues);
  if (command === 'replay' && values.all) return (desk) => replayAll(desk, queues);
  if (id === undefined) return undefined;
  if (command === 'show') return async (desk) => print(await desk.show(queues, id));
  if (command === 'replay') {
    return async (desk) => tell('replayed', await desk.replay(queues, id, operator()));
  }
  if (command === 'discard') return async (desk) => tell('discarded', await desk.discard(queues, id));
  return undefined;
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

async function replayAll(desk: DeadLetterDesk, queues: readonly string[]): Promise<void> {
  let count = 0;
  for await (const letter of desk.replayAll(queues, operator())) {
    count += 1;
    tell('replayed', letter);
  }
  console.log(`${count} replayed`);
}

function tell(what: string, { id, type, orderId }: DeadLetterSummary): void {
  console.log(`${what} ${id} ${type}${orderId ? ` of order ${orderId}` : ''}`);
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

function operator(): string {
  return userInfo().username;
}
