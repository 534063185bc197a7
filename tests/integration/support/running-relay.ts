import { noFailpoints } from '#shared/kernel/failpoints.ts';
import { createPublisher } from '#shared/messaging/publisher.ts';
import { createRelay } from '#shared/outbox/relay.ts';
import { eventually } from '../../support/eventually.ts';
import { testLogger } from './logger.ts';

/** A relay with the publisher it works with. */
export interface RunningRelay {
  wake(): void;
  /** Ids of the messages it brought to the broker, in order, for telling relays apart. */
  readonly delivered: readonly string[];
  stop(): Promise<void>;
}

/** Starts a relay and waits until its publisher is connected. */
export async function startRelay(options: {
  databaseUrl: string;
  amqpUrl: string;
  name?: string;
  pollIntervalMs?: number;
  retentionMs?: number;
}): Promise<RunningRelay> {
  const { databaseUrl, amqpUrl, name = 'test', pollIntervalMs = 50, retentionMs = 3_600_000 } = options;
  const publisher = createPublisher({ url: amqpUrl, name, logger: testLogger });
  const delivered: string[] = [];
  const relay = createRelay({
    databaseUrl,
    name,
    publisher: {
      ...publisher,
      async publish(message) {
        await publisher.publish(message);
        delivered.push(message.messageId);
      },
    },
    pollIntervalMs,
    retentionMs,
    failpoint: noFailpoints,
    logger: testLogger,
  });
  publisher.start();
  relay.start();
  await eventually(() => publisher.isReady());
  return {
    wake: relay.wake,
    delivered,
    async stop() {
      await relay.stop();
      await publisher.stop();
    },
  };
}
