import { deadLetterQueueOf, queues, retryQueueOf } from '#shared/contracts/topology.ts';
import type { Clock } from '#shared/kernel/clock.ts';
import type { Failpoint } from '#shared/kernel/failpoints.ts';
import { createConsumer } from '#shared/messaging/consumer.ts';
import type { Publisher } from '#shared/messaging/publisher.ts';
import { createQueueMeter } from '#shared/messaging/queue-meter.ts';
import type { Logger } from '#shared/observability/logger.ts';
import type { ProcessorServiceConfig } from '../config.ts';
import { createMessageHandlers } from './message-handlers.ts';

/** Puts together what takes messages, and what measures the queues that they wait in. */
export function createConsumers(parts: {
  name: string;
  config: ProcessorServiceConfig;
  useCases: Parameters<typeof createMessageHandlers>[0];
  publisher: Publisher;
  clock: Clock;
  failpoint: Failpoint;
  logger: Logger;
}) {
  const { name, config, useCases, publisher, clock, failpoint, logger } = parts;
  const retryDelaysMs = config.RETRY_DELAYS_MS;
  const consuming = { url: config.AMQP_URL, retryDelaysMs, publisher, clock, failpoint, logger };
  const handlers = createMessageHandlers(useCases);
  const workQueues = [queues.orderCreated, queues.orderRequests];
  return {
    consumer: createConsumer({
      ...consuming,
      name: `${name} consumer`,
      queue: queues.orderCreated,
      concurrency: config.PROCESSOR_CONCURRENCY,
      handler: handlers[queues.orderCreated],
    }),
    requestsConsumer: createConsumer({
      ...consuming,
      name: `${name} requests consumer`,
      queue: queues.orderRequests,
      concurrency: config.REQUESTS_CONCURRENCY,
      handler: handlers[queues.orderRequests],
    }),
    queueMeter: createQueueMeter({
      url: config.AMQP_URL,
      name: `${name} queue meter`,
      queues: [...workQueues, ...workQueues.map(deadLetterQueueOf), ...retryDelaysMs.map(retryQueueOf)],
      logger,
    }),
  };
}
