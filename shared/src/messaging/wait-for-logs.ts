import type { ChannelModel } from 'amqplib';
import { logs } from '../contracts/topology.ts';
import { retry } from '../kernel/retry.ts';

const notFound = 404;

/** Leaders are elected within a second; what takes longer is a matter for the next connection. */
const untilTheyAreLed = {
  attempts: 15,
  backoff: { initialMs: 50, maximumMs: 500 },
  isPassing: (error: unknown) => (error as { code?: unknown }).code === notFound,
};

/**
 * Waits until both logs are there. A broker that has just started takes messages before its streams have found their
 * leaders. Until then it does not know the streams, so that a message for a work queue and the log would reach the work
 * queue alone and be confirmed.
 *
 * @throws Error 404 of the broker when one of them is still missing after a few seconds.
 */
export async function waitForLogs(connection: ChannelModel): Promise<void> {
  for (const log of logs) await retry(() => findQueue(connection, log), untilTheyAreLed);
}

/** On a channel of its own: the broker closes the one on which it is asked for what is not there. */
async function findQueue(connection: ChannelModel, queue: string): Promise<void> {
  const channel = await connection.createChannel();
  channel.on('error', () => {
    // The question rejects with the same.
  });
  await channel.checkQueue(queue);
  await channel.close();
}
