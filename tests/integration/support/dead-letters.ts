import { deadLetterQueueOf, queues, type WorkQueueName } from '#shared/contracts/topology.ts';
import type { OutgoingMessage } from '#shared/messaging/message.ts';
import type { Publisher } from '#shared/messaging/publisher.ts';
import { createNamedLocks, type NamedLocks } from '#shared/postgres/advisory-lock.ts';
import { testLogger } from './logger.ts';
import { orderCreated, outgoing } from './messages.ts';

/** Lays a message into a dead-letter queue as a consumer does, unless told otherwise. */
export async function bury(
  publisher: Publisher,
  options: { queue?: WorkQueueName; message?: Partial<OutgoingMessage>; routingKey?: string } = {},
): Promise<OutgoingMessage> {
  const { queue = queues.orderCreated, routingKey = 'order.created' } = options;
  const event = orderCreated();
  const message = outgoing({
    exchange: '',
    routingKey: deadLetterQueueOf(queue),
    messageId: event.id,
    body: Buffer.from(JSON.stringify(event)),
    headers: {
      'x-attempts': 6,
      'x-error-code': 'PAYMENT_UNAVAILABLE',
      'x-error-message': 'the provider answered 500',
      'x-error-frame': 'processor-service/src/application/process-order.ts pay',
      'x-first-failed-at': '2026-11-20T10:00:00.000Z',
      'x-failed-at': '2026-11-20T10:12:36.000Z',
      'x-original-exchange': 'orders',
      'x-original-routing-key': routingKey,
      'x-original-queue': queue,
    },
    ...options.message,
  });
  await publisher.publish(message);
  return message;
}

/** The turns of those who look at dead-letter queues. */
export function locksOf(databaseUrl: string): NamedLocks {
  return createNamedLocks({ databaseUrl, applicationName: 'test', logger: testLogger });
}
