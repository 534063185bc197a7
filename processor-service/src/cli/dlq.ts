/**
 * The dead-letter desk on the command line: `npm run dlq -- list | show <id> | replay <id>|--all | discard <id>`.
 * Finds the broker through AMQP_URL, or through the stack that `npm start` brought up here.
 */
import { readFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { parseArgs } from 'node:util';
import { deadLetterQueueOf, workQueues } from '#shared/contracts/topology.ts';
import { systemClock } from '#shared/kernel/clock.ts';
import { toAppError } from '#shared/kernel/errors.ts';
import { createPublisher, type Publisher } from '#shared/messaging/publisher.ts';
import { createLogger } from '#shared/observability/logger.ts';
import {
  createDeadLetterDesk,
  type DeadLetterDesk,
  type DeadLetterDetail,
  type DeadLetterSummary,
} from '../application/dead-letter-desk.ts';
import { createDeadLetterQueues } from '../infrastructure/rabbitmq/dead-letter-queues.ts';

const usage = `usage: npm run dlq -- <command> [--queue <name>]

  list              the dead letters, oldest first
  show <id>         everything about one: where it came from, why it failed, its body
  replay <id>       send it back to where it was first published
  replay --all      send all back, in their order
  discard <id>      delete it for good

Without --queue every dead-letter queue is looked at.`;

const stackFile = new URL('../../../.local/stack.json', import.meta.url);

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { queue: { type: 'string' }, all: { type: 'boolean' }, help: { type: 'boolean' } },
  });
  const [command, id] = positionals;
  const queues = values.queue ? [values.queue] : workQueues.map(({ name }) => deadLetterQueueOf(name));
  const run = commandOf(command, id, values.all ?? false);
  if (values.help || !run) {
    console.error(usage);
    return values.help ? 0 : 2;
  }
  const url = await findBroker();
  const logger = createLogger({ service: 'dlq', level: 'silent' });
  const publisher = createPublisher({ url, name: 'dlq', logger });
  const desk = createDeadLetterDesk({
    deadLetters: createDeadLetterQueues({ url, publisher: connectedFirst(publisher) }),
    clock: systemClock,
  });
  try {
    await run(desk, queues);
    return 0;
  } finally {
    await publisher.stop();
  }
}

type Command = (desk: DeadLetterDesk, queues: readonly string[]) => Promise<void>;

function commandOf(command: string | undefined, id: string | undefined, all: boolean): Command | undefined {
  if (command === 'list') return list;
  if (command === 'show' && id) return async (desk, queues) => print(await desk.show(queues, id));
  if (command === 'replay' && all) return replayAll;
  if (command === 'replay' && id) {
    return async (desk, queues) => tell('replayed', await desk.replay(queues, id, operator()));
  }
  if (command === 'discard' && id) {
    return async (desk, queues) => tell('discarded', await desk.discard(queues, id));
  }
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

/** A publisher that connects when it is first needed, and lets the first message wait for that. */
function connectedFirst(publisher: Publisher): Publisher {
  const deadline = Date.now() + 10_000;
  return {
    ...publisher,
    async publish(message) {
      publisher.start();
      while (!publisher.isReady() && Date.now() < deadline) await new Promise((wake) => setTimeout(wake, 20));
      await publisher.publish(message);
    },
  };
}

async function findBroker(): Promise<string> {
  if (process.env.AMQP_URL) return process.env.AMQP_URL;
  try {
    return (JSON.parse(await readFile(stackFile, 'utf8')) as { amqpUrl: string }).amqpUrl;
  } catch (error) {
    throw new Error('which broker? Set AMQP_URL, or run `npm start` first', { cause: error });
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(toAppError(error).message);
  process.exitCode = 1;
}
