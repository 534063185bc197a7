import type { Channel, ChannelModel, ConsumeMessage } from 'amqplib';
import { AppError } from '../kernel/errors.ts';
import { sleep } from '../kernel/sleep.ts';
import { closeChannel, connectBriefly, openChannel, toBrokerError } from './brief-connection.ts';
import { closeConnection } from './broker-connection.ts';
import { type IncomingMessage, readMessage } from './message.ts';

/** A message that lies in a queue, looked at but not taken. */
export interface QueuedMessage {
  readonly message: IncomingMessage;
  /** Takes it out of the queue when the iteration ends. Without this it stays, whatever happens to the reader. */
  remove(): void;
}

/**
 * How messages get back to where they were. A quorum queue puts back what a consumer rejects in any order, but what a
 * consumer holds when it goes away in the order in which it got it: so nothing is rejected, and the channel is closed.
 * The consumers of a channel have their turn in the order of their tags as long as there are 32 at most. This is so from
 * RabbitMQ 3.10 to 4.0, also when the reader is killed; `tests/integration/browse-queue.test.ts` looks after it.
 */
const mostWindows = 30;
/** In memory are at most so many messages, or a thirtieth of a queue that holds more than 3,000. */
const smallestWindow = 100;

const brokerNotFound = 404;
/** After so long without a message it is time to ask whether there are any left. */
const quietMs = 200;
/** Longer only if somebody else takes messages meanwhile. */
const putBackWithinMs = 5_000;

/**
 * Goes through the messages that lie in `queue`, oldest first, each once. Everything that was not removed is back in
 * its place when the iteration ends or breaks off; until then nobody else sees it. Let only one iteration go on at a
 * time: each sees what no other one holds, and two mix up the order.
 *
 * @param options.expected after how many messages the caller is likely to break off
 * @throws AppError `QUEUE_NOT_FOUND`, `BROKER_UNAVAILABLE`: what was to be removed may still be there then.
 */
export async function* browseQueue(
  url: string,
  queue: string,
  options: { expected?: number | undefined } = {},
): AsyncGenerator<QueuedMessage> {
  const connection = await connectBriefly(url);
  try {
    const channel = await openChannel(connection);
    const hand = new Hand(channel, queue, await countMessages(channel, queue));
    try {
      for (let size = options.expected; hand.hasMore(); size = undefined) {
        const window = (await hand.take(size)).reverse();
        for (let delivered = window.pop(); delivered; delivered = window.pop()) {
          const { deliveryTag } = delivered.fields;
          yield { message: readMessage(queue, delivered), remove: () => hand.discard(deliveryTag) };
        }
      }
    } finally {
      await hand.prepareToLeave();
      await closeChannel(connection, channel);
      await awaitMessages(connection, queue, hand.kept());
    }
  } catch (error) {
    throw toBrokerError(error);
  } finally {
    await closeConnection(connection);
  }
}

/** What a reader has taken out of a queue to look at it. Most of it goes back when the channel closes. */
class Hand {
  readonly #channel: Channel;
  readonly #queue: string;
  readonly #windowSize: number;
  readonly #discarded = new Set<number>();
  #unseen: number;
  #held = 0;
  #windows = 0;
  #latestTag = 0;

  constructor(channel: Channel, queue: string, count: number) {
    this.#channel = channel;
    this.#queue = queue;
    this.#unseen = count;
    this.#windowSize = Math.max(smallestWindow, Math.ceil(count / mostWindows));
  }

  hasMore(): boolean {
    return this.#unseen > 0;
  }

  /** How many messages go back. */
  kept(): number {
    return this.#held - this.#discarded.size;
  }

  /** The next messages; fewer than there were to come when somebody else has taken them. */
  async take(wanted = this.#windowSize): Promise<ConsumeMessage[]> {
    const size = Math.min(wanted, this.#unseen);
    const window = await takeWindow(this.#channel, this.#queue, { consumerTag: this.#nextTag(), size });
    this.#held += window.length;
    this.#unseen = window.length < size ? 0 : this.#unseen - size;
    this.#latestTag = window.at(-1)?.fields.deliveryTag ?? this.#latestTag;
    return window;
  }

  discard(deliveryTag: number): void {
    this.#discarded.add(deliveryTag);
  }

  /** Takes care that the channel can be closed: what was discarded is removed, the rest will go back in order. */
  async prepareToLeave(): Promise<void> {
    if (this.#held === 0) return;
    // Nothing goes back: what was not seen has not moved.
    if (this.kept() === 0) return this.#acknowledge(this.#latestTag, { andAllBefore: true });
    // What goes back lines up behind what went back before: the order lasts only if everything goes back at once.
    while (this.hasMore()) await this.take();
    for (const deliveryTag of this.#discarded) this.#acknowledge(deliveryTag);
    if (this.#discarded.size > 0) await this.#flush();
  }

  #acknowledge(deliveryTag: number, { andAllBefore = false } = {}): void {
    // The client looks at nothing but the tag; the message itself is long gone.
    this.#channel.ack({ fields: { deliveryTag } } as ConsumeMessage, andAllBefore);
  }

  /**
   * The broker passes only some dozens of acknowledgements on to a queue at a time, and forgets the others if the channel
   * closes. After two more requests to the queue, which wait for their turn behind the acknowledgements, there are none.
   */
  async #flush(): Promise<void> {
    const consumerTag = this.#nextTag();
    await this.#channel.prefetch(1);
    // Gets nothing, or what has arrived this moment, and that goes back with the others, behind them.
    await this.#channel.consume(this.#queue, () => undefined, { consumerTag });
    await this.#channel.cancel(consumerTag);
    await countMessages(this.#channel, this.#queue);
  }

  #nextTag(): string {
    this.#windows += 1;
    return `browse-${String(this.#windows).padStart(2, '0')}`;
  }
}

/** Takes `size` messages; fewer when there are no more. */
async function takeWindow(
  channel: Channel,
  queue: string,
  { consumerTag, size }: { consumerTag: string; size: number },
): Promise<ConsumeMessage[]> {
  const window: ConsumeMessage[] = [];
  const full = new AbortController();
  const gone = new AbortController();
  const onDelivery = (delivered: ConsumeMessage | null): void => {
    if (!delivered) return gone.abort();
    window.push(delivered);
    if (window.length === size) full.abort();
  };
  const onClose = (): void => gone.abort();
  channel.once('close', onClose);
  await channel.prefetch(size);
  await channel.consume(queue, onDelivery, { consumerTag });
  const over = AbortSignal.any([full.signal, gone.signal]);
  for (let before = -1; window.length < size; before = window.length) {
    await sleep(quietMs, over);
    if (window.length > before && !gone.signal.aborted) continue;
    if ((await countMessages(channel, queue)) === 0) break;
    if (gone.signal.aborted) throw new Error('the broker cancelled the subscription');
  }
  channel.off('close', onClose);
  await channel.cancel(consumerTag);
  return window;
}

async function countMessages(channel: Channel, queue: string): Promise<number> {
  const { messageCount } = await channel.checkQueue(queue).catch((error: { code?: number }) => {
    throw error.code === brokerNotFound ? noSuchQueue(queue) : error;
  });
  return messageCount;
}

async function awaitMessages(connection: ChannelModel, queue: string, count: number): Promise<void> {
  if (count === 0) return;
  const channel = await openChannel(connection);
  const deadline = Date.now() + putBackWithinMs;
  while ((await countMessages(channel, queue)) < count && Date.now() < deadline) await sleep(10);
}

function noSuchQueue(queue: string): AppError {
  return new AppError({ code: 'QUEUE_NOT_FOUND', kind: 'rejected', message: `there is no queue ${queue}` });
}
