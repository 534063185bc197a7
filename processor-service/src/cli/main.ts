/** The dead-letter desk on the command line: `npm run dlq`. Without a command it tells how it is used. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemClock } from '#shared/kernel/clock.ts';
import { AppError, toAppError } from '#shared/kernel/errors.ts';
import { createFailpoints } from '#shared/kernel/failpoints.ts';
import { createPublisher, type Publisher } from '#shared/messaging/publisher.ts';
import { createRequester } from '#shared/messaging/rpc.ts';
import { createLogger } from '#shared/observability/logger.ts';
import { createNamedLocks } from '#shared/postgres/advisory-lock.ts';
import { createPool } from '#shared/postgres/pool.ts';
import { createDeadLetterActions } from '../application/dead-letters/dead-letter-actions.ts';
import { createDryRun } from '../application/dead-letters/dry-run.ts';
import { createLookAtDeadLetters } from '../application/dead-letters/look-at-dead-letters.ts';
import { createRehearse } from '../application/dead-letters/rehearsal.ts';
import { parseDeskConfig } from '../config.ts';
import { createMessageHandlers } from '../consumers/message-handlers.ts';
import { createOperatorActions } from '../infrastructure/postgres/operator-actions.ts';
import { createPrismaClient } from '../infrastructure/postgres/prisma-client.ts';
import { createReplayRuns } from '../infrastructure/postgres/replay-runs.ts';
import { createSagaRepository } from '../infrastructure/postgres/saga-repository.ts';
import { createStockRepository } from '../infrastructure/postgres/stock-repository.ts';
import { createDeadLetterLog } from '../infrastructure/rabbitmq/dead-letter-log.ts';
import { createDeadLetterQueues } from '../infrastructure/rabbitmq/dead-letter-queues.ts';
import { createOrderInquiries } from '../infrastructure/rabbitmq/order-inquiries.ts';
import { type CommandLine, readCommandLine } from './dlq-commands.ts';
import { resolveShortId } from './short-ids.ts';
import { usageOf } from './usage.ts';

const name = 'dlq';
const logger = createLogger({ service: name, level: 'silent' });
const clock = systemClock;
const connectWithinMs = 5_000;

type Desk = ReturnType<typeof createDesk>;

async function run(args: readonly string[], leaving: AbortSignal): Promise<number> {
  const line = readCommandLine(args);
  if (!line.command || line.asksForHelp) return explain(line);
  const amqpUrl = await find('AMQP_URL', 'amqpUrl', 'broker');
  const databaseUrl = await find('PROCESSOR_DATABASE_URL', 'processorDatabaseUrl', 'database');
  const desk = createDesk(amqpUrl, databaseUrl);
  try {
    const wholeIds = await resolve(line, desk);
    const { command } = wholeIds.size > 0 ? readCommandLine(args, wholeIds) : line;
    if (!command) return explain(line);
    if ('act' in command) {
      await connect(desk.publisher);
      return await command.act(desk.actions, leaving);
    }
    await command.look(desk, leaving);
    return 0;
  } finally {
    await desk.close();
  }
}

function explain({ name: command, asksForHelp }: CommandLine): number {
  if (asksForHelp) console.log(usageOf(command));
  else console.error(usageOf(command));
  return asksForHelp ? 0 : 2;
}

function createDesk(amqpUrl: string, databaseUrl: string) {
  const { FAILPOINTS } = parseDeskConfig(process.env);
  const pool = createPool({ url: databaseUrl, applicationName: name, maxConnections: 3, logger });
  const prisma = createPrismaClient(pool);
  const publisher = createPublisher({ url: amqpUrl, name, logger });
  const requester = createRequester({ url: amqpUrl, name: `${name} requester`, logger });
  const locks = createNamedLocks({ databaseUrl, applicationName: `${name} lock`, logger });
  const deadLetters = createDeadLetterQueues({ url: amqpUrl, publisher, locks });
  const sagas = createSagaRepository({ pool });
  const stock = createStockRepository({ pool, prisma });
  const actions = createOperatorActions({ pool, prisma });
  const inquiries = createOrderInquiries({ requester });
  const rehearse = createRehearse({ handlersOf: createMessageHandlers, clock });
  const dryRun = createDryRun({ deadLetters, sagas, stock, inquiries, rehearse });
  return {
    publisher,
    dryRun,
    looks: createLookAtDeadLetters({ deadLetters, sagas, inquiries, actions, dryRun }),
    actions: createDeadLetterActions({
      deadLetters,
      log: createDeadLetterLog({ url: amqpUrl, logger }),
      runs: createReplayRuns({ prisma }),
      actions,
      clock,
      failpoint: createFailpoints(FAILPOINTS),
    }),
    async close() {
      await Promise.all([publisher.stop(), requester.stop()]);
      await prisma.$disconnect();
      await pool.end();
    },
  };
}

/** The whole ids of letters that were given by their ends, if any were. */
async function resolve({ shortIds, queues }: CommandLine, { looks }: Desk): Promise<Map<string, string>> {
  if (shortIds.length === 0) return new Map();
  const ids: string[] = [];
  for await (const { id } of looks.list({ queues })) ids.push(id);
  return new Map(shortIds.map((short) => [short, resolveShortId(short, ids)]));
}

async function connect(publisher: Publisher): Promise<void> {
  publisher.start();
  for (const deadline = Date.now() + connectWithinMs; !publisher.isReady(); ) {
    if (Date.now() > deadline) {
      const message = 'the broker cannot be reached';
      throw new AppError({ code: 'BROKER_UNAVAILABLE', kind: 'unavailable', message });
    }
    await new Promise((wake) => setTimeout(wake, 20));
  }
}

/** What is asked for in the environment, or what `npm start` says about what it brought up. */
async function find(variable: string, entry: string, what: string): Promise<string> {
  const given = process.env[variable];
  if (given) return given;
  const folder = process.env.LOCAL_STACK_DIR || fileURLToPath(new URL('../../../.local', import.meta.url));
  try {
    const stack = JSON.parse(await readFile(join(folder, 'stack.json'), 'utf8')) as Record<string, string>;
    return stack[entry] as string;
  } catch (error) {
    throw new Error(`which ${what}? Set ${variable}, or run \`npm start\` first`, { cause: error });
  }
}

const leaving = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => leaving.abort());
// Whoever reads the output may have seen enough, as `head` has. What is in hand goes back nevertheless.
process.stdout.on('error', () => leaving.abort());

try {
  process.exitCode = await run(process.argv.slice(2), leaving.signal);
} catch (error) {
  console.error(toAppError(error).message);
  process.exitCode = 1;
}
