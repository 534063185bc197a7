import { answerWays, orderInquiry } from '#shared/contracts/order-inquiries.ts';
import { deadLetterQueueOf, queues } from '#shared/contracts/topology.ts';
import type { Clock } from '#shared/kernel/clock.ts';
import type { Failpoint } from '#shared/kernel/failpoints.ts';
import { createConsumer } from '#shared/messaging/consumer.ts';
import type { Publisher } from '#shared/messaging/publisher.ts';
import { createQueueMeter } from '#shared/messaging/queue-meter.ts';
import { createResponder } from '#shared/messaging/rpc.ts';
import type { Logger } from '#shared/observability/logger.ts';
import type { createAnswerInquiries } from '../application/answer-inquiries.ts';
import type { OrderServiceConfig } from '../config.ts';
import { createProcessingMessageHandler, processingBatchSize } from './processing-messages.ts';

/** Puts together what takes messages and questions, and what measures the queues that messages wait in. */
export function createConsumers(parts: {
  name: string;
  config: OrderServiceConfig;
  useCases: Parameters<typeof createProcessingMessageHandler>[0] & {
    readonly answerInquiries: ReturnType<typeof createAnswerInquiries>;
  };
  publisher: Publisher;
  clock: Clock;
  failpoint: Failpoint;
  logger: Logger;
}) {
  const { name, config, useCases, publisher, clock, failpoint, logger } = parts;
  return {
    consumer: createConsumer({
      url: config.AMQP_URL,
      name: `${name} consumer`,
      queue: queues.orderProcessed,
      concurrency: 2 * processingBatchSize,
      retryDelaysMs: config.RETRY_DELAYS_MS,
      handler: createProcessingMessageHandler(useCases),
      publisher,
      clock,
      failpoint,
      logger,
    }),
    responder: createResponder({
      url: config.AMQP_URL,
      name: `${name} responder`,
      ...answerWays,
      question: orderInquiry,
      answer: useCases.answerInquiries,
      logger,
    }),
    queueMeter: createQueueMeter({
      url: config.AMQP_URL,
      name: `${name} queue meter`,
      queues: [queues.orderProcessed, deadLetterQueueOf(queues.orderProcessed)],
      logger,
    }),
  };
}
