/** The dead-letter desk on the command line: `npm run dlq`. Without a command it tells how it is used. */
import { inquiryWays } from '#shared/contracts/order-inquiries.ts';
import { systemClock } from '#shared/kernel/clock.ts';
import { AppError, toAppError } from '#shared/kernel/errors.ts';
import { createFailpoints } from '#shared/kernel/failpoints.ts';
import { createPublisher, type Publisher } from '#shared/messaging/publisher.ts';
import { createRequester } from '#shared/messaging/rpc.ts';
import { createLogger } from '#shared/observability/logger.ts';
import { createPool } from '#shared/postgres/pool.ts';
import { parseDeskConfig } from '../../config.ts';
import { createDesk } from '../../desk/container.ts';
import { createPrismaClient } from '../../infrastructure/postgres/prisma-client.ts';
import { findAddress } from '../stack-address.ts';
import { tellWrongOption } from '../wrong-use.ts';
import { type CommandLine, readCommandLine } from './commands.ts';
import { resolveId } from './short-ids.ts';
import { usageOf } from './usage.ts';

const name = 'dlq';
const logger = createLogger({ service: name, level: 'silent' });
const connectWithinMs = 5_000;

type Desk = ReturnType<typeof open>;

async function run(args: readonly string[], leaving: AbortSignal): Promise<number> {
  const line = readCommandLine(args);
  if (!line.command || line.asksForHelp) return explain(line);
  const amqpUrl = await findAddress('broker');
  const databaseUrl = await findAddress('database');
  const desk = open(amqpUrl, databaseUrl);
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

function open(amqpUrl: string, databaseUrl: string) {
  const failpoint = createFailpoints(parseDeskConfig(process.env).FAILPOINTS);
  const pool = createPool({ url: databaseUrl, applicationName: name, maxConnections: 3, logger });
  const prisma = createPrismaClient(pool);
  const publisher = createPublisher({ url: amqpUrl, name, logger });
  const requester = createRequester({ ...inquiryWays, url: amqpUrl, name: `${name} requester`, logger });
  const parts = { name, amqpUrl, databaseUrl, pool, prisma, publisher, requester, clock: systemClock };
  return {
    ...createDesk({ ...parts, failpoint, logger }),
    publisher,
    async close() {
      await Promise.all([publisher.stop(), requester.stop()]);
      await prisma.$disconnect();
      await pool.end();
    },
  };
}

/** The whole ids of the letters that have to be looked up. */
async function resolve({ idsToFind, queues }: CommandLine, { looks }: Desk): Promise<Map<string, string>> {
  if (idsToFind.length === 0) return new Map();
  const ids: string[] = [];
  for await (const { id } of looks.list({ queues })) ids.push(id);
  return new Map(idsToFind.map((given) => [given, resolveId(given, ids)]));
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

const leaving = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => leaving.abort());
// Whoever reads the output may have seen enough, as `head` has. What is in hand goes back nevertheless.
process.stdout.on('error', () => leaving.abort());

try {
  process.exitCode = await run(process.argv.slice(2), leaving.signal);
} catch (error) {
  const wrongOption = tellWrongOption(error);
  console.error(wrongOption ?? toAppError(error).message);
  process.exitCode = wrongOption === undefined ? 1 : 2;
}
