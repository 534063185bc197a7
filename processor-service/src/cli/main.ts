/** The dead-letter desk on the command line: `npm run dlq`. Without a command it tells how it is used. */
import { readFile } from 'node:fs/promises';
import { PrismaPg } from '@prisma/adapter-pg';
import { systemClock } from '#shared/kernel/clock.ts';
import { AppError, toAppError } from '#shared/kernel/errors.ts';
import { createFailpoints } from '#shared/kernel/failpoints.ts';
import { createPublisher, type Publisher } from '#shared/messaging/publisher.ts';
import { createLogger } from '#shared/observability/logger.ts';
import { createNamedLocks } from '#shared/postgres/advisory-lock.ts';
import { createPool } from '#shared/postgres/pool.ts';
import { createDeadLetterDesk } from '../application/dead-letter-desk.ts';
import { createDeadLetterActions } from '../application/dead-letters/dead-letter-actions.ts';
import type { DeadLetterQueues } from '../application/ports/dead-letter-queues.ts';
import { parseDeskConfig } from '../config.ts';
import { PrismaClient } from '../infrastructure/postgres/generated/client.ts';
import { createOperatorActions } from '../infrastructure/postgres/operator-actions.ts';
import { createReplayRuns } from '../infrastructure/postgres/replay-runs.ts';
import { createDeadLetterLog } from '../infrastructure/rabbitmq/dead-letter-log.ts';
import { createDeadLetterQueues } from '../infrastructure/rabbitmq/dead-letter-queues.ts';
import type { ActingCommand } from './acting-commands.ts';
import { type DlqCommand, readCommandLine, usage } from './dlq-commands.ts';

/** Where `npm start` says what it brought up. */
const stackFile = new URL('../../../.local/stack.json', import.meta.url);
const name = 'dlq';
const logger = createLogger({ service: name, level: 'silent' });
const clock = systemClock;
const connectWithinMs = 5_000;

async function run(command: DlqCommand): Promise<number> {
  const url = await find('AMQP_URL', 'amqpUrl', 'broker');
  const databaseUrl = await find('PROCESSOR_DATABASE_URL', 'processorDatabaseUrl', 'database');
  const publisher = createPublisher({ url, name, logger });
  const locks = createNamedLocks({ databaseUrl, applicationName: name, logger });
  const deadLetters = createDeadLetterQueues({ url, publisher, locks });
  try {
    if ('act' in command) return await act(command.act, { url, publisher, databaseUrl, deadLetters });
    await command.look(createDeadLetterDesk({ deadLetters, clock }));
    return 0;
  } finally {
    await publisher.stop();
  }
}

async function act(
  command: ActingCommand,
  parts: { url: string; publisher: Publisher; databaseUrl: string; deadLetters: DeadLetterQueues },
): Promise<number> {
  const { url, publisher, databaseUrl, deadLetters } = parts;
  const { FAILPOINTS } = parseDeskConfig(process.env);
  const pool = createPool({ url: databaseUrl, applicationName: name, maxConnections: 3, logger });
  const prisma = new PrismaClient({ adapter: new PrismaPg(pool) });
  const leaving = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => leaving.abort());
  const actions = createDeadLetterActions({
    deadLetters,
    log: createDeadLetterLog({ url, logger }),
    runs: createReplayRuns({ prisma }),
    actions: createOperatorActions({ pool, prisma }),
    clock,
    failpoint: createFailpoints(FAILPOINTS),
  });
  try {
    await connect(publisher);
    return await command(actions, leaving.signal);
  } finally {
    await prisma.$disconnect();
    await pool.end();
  }
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

async function find(variable: string, entry: string, what: string): Promise<string> {
  const given = process.env[variable];
  if (given) return given;
  try {
    return (JSON.parse(await readFile(stackFile, 'utf8')) as Record<string, string>)[entry] as string;
  } catch (error) {
    throw new Error(`which ${what}? Set ${variable}, or run \`npm start\` first`, { cause: error });
  }
}

// Whoever reads the output may have seen enough, as `head` has.
process.stdout.on('error', () => process.exit(0));

try {
  const command = readCommandLine(process.argv.slice(2));
  if (command) process.exitCode = await run(command);
  else {
    console.error(usage);
    process.exitCode = 2;
  }
} catch (error) {
  console.error(toAppError(error).message);
  process.exitCode = 1;
}
