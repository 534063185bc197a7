import { type Channel, connect } from 'amqplib';
import { AppError } from '../kernel/errors.ts';
import { type IncomingMessage, readMessage } from './message.ts';

/** A message that lies in a queue, looked at but not taken. */
export interface QueuedMessage {
  readonly message: IncomingMessage;
  /** Takes it out of the queue. Without this it stays there, whatever happens to the reader. */
  remove(): void;
}

const brokerNotFound = 404;

/**
 * Goes through the messages that lie in `queue`, oldest first, each once. Everything that was not removed is back in
 * the queue when the iteration ends or breaks off; until then consumers do not see it. Holds one body at a time.
 *
 * @throws AppError `QUEUE_NOT_FOUND`, `BROKER_UNAVAILABLE`.
 */
export async function* browseQueue(url: string, queue: string): AsyncGenerator<QueuedMessage> {
  const connection = await connect(url, { timeout: 10_000, noDelay: true }).catch((error: unknown) => {
    throw new AppError({
      code: 'BROKER_UNAVAILABLE',
      kind: 'unavailable',
      message: 'the broker cannot be reached',
      cause: error,
    });
  });
  connection.on('error', () => {
    // Whatever call is pending rejects with the same reason.
  });
  try {
    const channel = await connection.createChannel();
    channel.on('error', () => {
      // Likewise.
    });
    let unseen = 0;
    try {
      unseen = await countMessages(channel, queue);
      while (unseen > 0) {
        const delivered = await channel.get(queue);
        if (!delivered) return;
        unseen -= 1;
        yield { message: readMessage(queue, delivered), remove: () => channel.ack(delivered) };
      }
    } finally {
      // What goes back lines up behind what went back before: the order lasts only if everything goes back at once.
      await take(channel, queue, unseen).catch(ignoreClosed);
      // The close of a connection overtakes what its channels have not sent yet; that of a channel does not.
      await channel.close().catch(ignoreClosed);
    }
  } finally {
    await connection.close();
  }
}

async function countMessages(channel: Channel, queue: string): Promise<number> {
  const { messageCount } = await channel.checkQueue(queue).catch((error: { code?: number }) => {
    throw error.code === brokerNotFound ? noSuchQueue(queue) : error;
  });
  return messageCount;
}

async function take(channel: Channel, queue: string, count: number): Promise<void> {
  for (let taken = 0; taken < count && (await channel.get(queue)); taken += 1);
}

/** The broker closes a channel itself when it refuses something on it. */
function ignoreClosed(): void {}

function noSuchQueue(queue: string): AppError {
  return new AppError({ code: 'QUEUE_NOT_FOUND', kind: 'rejected', message: `there is no queue ${queue}` });
}
