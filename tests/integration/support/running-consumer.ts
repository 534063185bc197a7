import { queues, type WorkQueueName } from '#shared/contracts/topology.ts';
import { systemClock } from '#shared/kernel/clock.ts';
import { noFailpoints } from '#shared/kernel/failpoints.ts';
import { type Consumer, createConsumer } from '#shared/messaging/consumer.ts';
import type { MessageHandler } from '#shared/messaging/message-handler.ts';
import { createPublisher } from '#shared/messaging/publisher.ts';
import type { TestBroker } from '../../support/broker.ts';
import { eventually } from '../../support/eventually.ts';
import { testLogger } from './logger.ts';

/** Starts a consumer and waits until it is subscribed. */
export async function startConsumer(options: {
  broker: TestBroker;
  handler: MessageHandler;
  /** Another way to the same broker. */
  url?: string;
  queue?: WorkQueueName;
  concurrency?: number;
  holdAtMostMs?: number;
}): Promise<Omit<Consumer, 'start'>> {
  const { broker, handler, queue = queues.orderCreated, concurrency = 10 } = options;
  const own = broker.urls[queue === queues.orderProcessed ? 'order-service' : 'processor-service'];
  const { url = own } = options;
  const publisher = createPublisher({ url: own, name: 'test', logger: testLogger });
  const consumer = createConsumer({
    url,
    name: 'test',
    queue,
    concurrency,
    retryDelaysMs: broker.retryDelaysMs,
    ...(options.holdAtMostMs === undefined ? {} : { holdAtMostMs: options.holdAtMostMs }),
    handler,
    publisher,
    clock: systemClock,
    failpoint: noFailpoints,
    logger: testLogger,
  });
  publisher.start();
  consumer.start();
  await eventually(() => publisher.isReady() && consumer.isReady());
  return {
    ...consumer,
    async stop() {
      await consumer.stop();
      await publisher.stop();
    },
  };
}
