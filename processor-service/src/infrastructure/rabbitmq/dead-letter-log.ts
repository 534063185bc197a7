import type { Channel, ChannelModel, ConsumeMessage } from 'amqplib';
import { deadLetterQueueOf, queues, workQueues } from '#shared/contracts/topology.ts';
import { AppError } from '#shared/kernel/errors.ts';
import {
  closeConnection,
  createBrokerConnection,
  guardChannel,
} from '#shared/messaging/broker-connection.ts';
import { readMessage } from '#shared/messaging/message.ts';
import type { Logger } from '#shared/observability/logger.ts';
import type { DeadLetterLog } from '../../application/ports/dead-letter-log.ts';

const attachWithinMs = 10_000;
const prefetch = 100;
const offsetHeader = 'x-stream-offset';

/**
 * Reads the stream to which everything goes that `orders.dlx` sees. After a lost connection it goes on behind the last
 * message that it has seen, or, if it has not seen any, at the second in which it began.
 */
export function createDeadLetterLog(dependencies: { url: string; logger: Logger }): DeadLetterLog {
  const { url, logger } = dependencies;
  return {
    async watch(onLetter) {
      const attached = Promise.withResolvers<void>();
      let position: unknown = 'next';
      const onDelivery = (channel: Channel, delivered: ConsumeMessage): void => {
        position = Number(delivered.properties.headers?.[offsetHeader]) + 1;
        onLetter(readMessage(deadLetterQueueBehind(delivered.fields.routingKey), delivered));
        channel.ack(delivered);
      };
      const connection = createBrokerConnection({
        url,
        name: 'dead-letter log',
        logger,
        async attach(model: ChannelModel) {
          const channel = guardChannel(await model.createChannel(), model, logger);
          await channel.prefetch(prefetch);
          const take = (delivered: ConsumeMessage | null): void => {
            if (delivered) onDelivery(channel, delivered);
            else void closeConnection(model);
          };
          const began = Math.floor(Date.now() / 1000);
          await channel.consume(queues.deadLetterLog, take, { arguments: { [offsetHeader]: position } });
          if (position === 'next') position = { '!': 'timestamp', value: began };
          attached.resolve();
        },
        detach() {
          // Whatever comes meanwhile is in the stream when the connection is back.
        },
      });
      connection.start();
      const timeout = setTimeout(() => attached.reject(unavailable()), attachWithinMs);
      try {
        await attached.promise;
      } catch (error) {
        await connection.stop();
        throw error;
      } finally {
        clearTimeout(timeout);
      }
      return { stop: connection.stop };
    },
  };
}

/** The dead-letter queue that takes what is published to `orders.dlx` with this routing key. */
function deadLetterQueueBehind(routingKey: string): string {
  const source = workQueues.find(({ deadLetterRoutingKey }) => deadLetterRoutingKey === routingKey);
  return source ? deadLetterQueueOf(source.name) : '';
}

function unavailable(): AppError {
  return new AppError({
    code: 'BROKER_UNAVAILABLE',
    kind: 'unavailable',
    message: 'the log of dead letters cannot be read',
  });
}
