import { type Channel, connect } from 'amqplib';
import { AppError } from '../kernel/errors.ts';
import { sleep } from '../kernel/sleep.ts';
import { type IncomingMessage, readMessage } from './message.ts';

/** A message that lies in a queue, looked at but not taken. */
export interface QueuedMessage {
  readonly message: IncomingMessage;
  /** Takes it out of the queue. Without this it stays there, whatever happens to the reader. */
  remove(): void;
}

const brokerNotFound = 404;
/** Longer only if somebody else takes messages meanwhile. */
const putBackWithinMs = 2_000;

/**
 * Goes through the messages that lie in `queue`, oldest first, each once. Everything that was not removed is back in
 * the queue when the iteration ends or breaks off; until then consumers do not see it. Holds one body at a time.
 *
 * @throws AppError `QUEUE_NOT_FOUND`, `BROKER_UNAVAILABLE`.
 */
export async function* browseQueue(url: string, queue: string): AsyncGenerator<QueuedMessage> {
  const { channel, close } = await openChannel(url);
  let unseen = 0;
  let kept = 0;
  try {
    unseen = await countMessages(channel, queue);
    while (unseen > 0) {
      const delivered = await channel.get(queue);
      if (!delivered) return;
      unseen -= 1;
      kept += 1;
      const remove = (): void => {
        kept -= 1;
        channel.ack(delivered);
      };
      yield { message: readMessage(queue, delivered), remove };
    }
  } finally {
    // What goes back lines up behind what went back before: the order lasts only if everything goes back at once.
    await putBack(channel, queue, { kept, unseen }).catch(ignoreClosed);
    await close();
  }
}

/** Opens a channel of its own on the broker at `url` for one piece of work. @throws AppError `BROKER_UNAVAILABLE` */
export async function withChannel(url: string, work: (channel: Channel) => Promise<void>): Promise<void> {
  const { channel, close } = await openChannel(url);
  try {
    await work(channel);
  } finally {
    await close();
  }
}

async function openChannel(url: string): Promise<{ channel: Channel; close: () => Promise<void> }> {
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
  const channel = await connection.createChannel();
  channel.on('error', () => {
    // Likewise.
  });
  return {
    channel,
    async close() {
      // The close of a connection overtakes what its channels have not sent yet; that of a channel does not.
      await channel.close().catch(ignoreClosed);
      await connection.close();
    },
  };
}

async function countMessages(channel: Channel, queue: string): Promise<number> {
  const { messageCount } = await channel.checkQueue(queue).catch((error: { code?: number }) => {
    throw error.code === brokerNotFound ? noSuchQueue(queue) : error;
  });
  return messageCount;
}

/** Puts everything back, and waits until it is there: whoever looks next would find the queue empty otherwise. */
async function putBack(
  channel: Channel,
  queue: string,
  held: { kept: number; unseen: number },
): Promise<void> {
  // What was taken is gone for good, and nothing else has moved.
  if (held.kept === 0) return;
  let count = held.kept;
  for (let unseen = held.unseen; unseen > 0 && (await channel.get(queue)); unseen -= 1) count += 1;
  channel.nackAll(true);
  const deadline = Date.now() + putBackWithinMs;
  while ((await countMessages(channel, queue)) < count && Date.now() < deadline) await sleep(10);
}

/** The broker closes a channel itself when it refuses something on it. */
function ignoreClosed(): void {}

function noSuchQueue(queue: string): AppError {
  return new AppError({ code: 'QUEUE_NOT_FOUND', kind: 'rejected', message: `there is no queue ${queue}` });
}
