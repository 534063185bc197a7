/** The dead-letter desk on the command line: `npm run dlq`. Without a command it tells how it is used. */
import { readFile } from 'node:fs/promises';
import { systemClock } from '#shared/kernel/clock.ts';
import { toAppError } from '#shared/kernel/errors.ts';
import { createPublisher, type Publisher } from '#shared/messaging/publisher.ts';
import { createLogger } from '#shared/observability/logger.ts';
import { createDeadLetterDesk } from '../application/dead-letter-desk.ts';
import { createDeadLetterQueues } from '../infrastructure/rabbitmq/dead-letter-queues.ts';
import { type DlqCommand, readCommandLine, usage } from './dlq-commands.ts';

/** Where `npm start` says what it brought up. */
const stackFile = new URL('../../../.local/stack.json', import.meta.url);

async function run(command: DlqCommand): Promise<void> {
  const url = await findBroker();
  const logger = createLogger({ service: 'dlq', level: 'silent' });
  const publisher = createPublisher({ url, name: 'dlq', logger });
  const deadLetters = createDeadLetterQueues({ url, publisher: connectedFirst(publisher) });
  try {
    await command(createDeadLetterDesk({ deadLetters, clock: systemClock }));
  } finally {
    await publisher.stop();
  }
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

// Whoever reads the output may have seen enough, as `head` has.
process.stdout.on('error', () => process.exit(0));

try {
  const command = readCommandLine(process.argv.slice(2));
  if (command) await run(command);
  else {
    console.error(usage);
    process.exitCode = 2;
  }
} catch (error) {
  console.error(toAppError(error).message);
  process.exitCode = 1;
}
