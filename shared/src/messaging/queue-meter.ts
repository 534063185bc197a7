import type { Channel, Replies } from 'amqplib';
import type { Logger } from 'pino';
import { registerLookedUpGauges } from '../metrics/looked-up-gauges.ts';
import { createBrokerConnection, guardChannel } from './broker-connection.ts';

export interface QueueMeter {
  start(): void;
  stop(): Promise<void>;
}

/**
 * Asks the broker how full these queues are, whenever metrics are asked for. On a connection of its own: the broker closes
 * the channel of whoever asks for a queue that is missing. It takes no right to anything.
 */
export function createQueueMeter(options: {
  url: string;
  name: string;
  queues: readonly string[];
  logger: Logger;
}): QueueMeter {
  const { url, name, queues, logger } = options;
  let channel: Channel | undefined;

  const connection = createBrokerConnection({
    url,
    name,
    logger,
    async attach(model) {
      channel = guardChannel(await model.createChannel(), model, logger);
    },
    detach() {
      channel = undefined;
    },
  });

  async function look(): Promise<Replies.AssertQueue[] | undefined> {
    const asked = channel;
    return asked && Promise.all(queues.map((queue) => asked.checkQueue(queue)));
  }

  const ofAll = 'Every replica tells the same: take the maximum by queue';
  registerLookedUpGauges(look, [
    {
      name: 'oms_queue_messages',
      help: `Messages that wait in a queue, without those in hand; letters that rest in a dead-letter queue. ${ofAll}`,
      labelNames: ['queue'],
      tell: (gauge, found) => {
        for (const { queue, messageCount } of found) gauge.set({ queue }, messageCount);
      },
    },
    {
      name: 'oms_queue_consumers',
      help: `Who takes messages from a queue. ${ofAll}`,
      labelNames: ['queue'],
      tell: (gauge, found) => {
        for (const { queue, consumerCount } of found) gauge.set({ queue }, consumerCount);
      },
    },
  ]);

  return { start: connection.start, stop: connection.stop };
}
