import type { Channel, ChannelModel, ConsumeMessage } from 'amqplib';
import type { Logger } from 'pino';
import type { WorkQueueName } from '../contracts/topology.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Failpoint } from '../kernel/failpoints.ts';
import { createSequence } from '../kernel/sequence.ts';
import { assertBindings } from './assert-bindings.ts';
import { closeConnection, createBrokerConnection, guardChannel } from './broker-connection.ts';
import type { MessageHandler } from './message-handler.ts';
import { createPassOn } from './pass-on-message.ts';
import type { Publisher } from './publisher.ts';
import { createSettler } from './settle-message.ts';

export interface Consumer {
  start(): void;
  /** Connected, and consuming unless it pauses. */
  isReady(): boolean;
  /** @see BrokerConnection.isStuck */
  isStuck(): boolean;
  /** Takes no more messages, so that they stay in the queue, until {@link resume}; keeps working on those at hand. */
  pause(): void;
  /** Goes on, and at once also with what was held in hand. */
  resume(): void;
  /** Takes no more messages, finishes those at hand, and leaves what waits for a dependency to the next consumer. */
  stop(): Promise<void>;
}

interface Subscription {
  readonly channel: Channel;
  readonly connection: ChannelModel;
  /** Sees a message to its end. */
  readonly settle: (delivered: ConsumeMessage) => Promise<void>;
  /** Of the consumption that the broker was told, or is being told, to begin; `undefined` when it was told to end it. */
  consumerTag: string | undefined;
  /** How many of its messages are not answered yet. */
  inHand: number;
}

const assertBindingsEveryMs = 5_000;
/** Well below the half hour after which a broker takes a delivery without an answer for the consumer's death. */
const defaultHoldAtMostMs = 600_000;

/**
 * Consumes one work queue on a connection of its own: every message ends acknowledged after its effect, on the retry
 * ladder, or in the dead-letter queue, and is acknowledged only once the broker has confirmed the copy that goes on.
 */
export function createConsumer(options: {
  url: string;
  name: string;
  queue: WorkQueueName;
  /** How many messages are worked on at the same time. */
  concurrency: number;
  retryDelaysMs: readonly number[];
  /** How long a message may wait in hand for a dependency before it goes back to the queue. */
  holdAtMostMs?: number;
  handler: MessageHandler;
  publisher: Publisher;
  clock: Clock;
  failpoint: Failpoint;
  logger: Logger;
}): Consumer {
  const { url, name, queue, concurrency, holdAtMostMs = defaultHoldAtMostMs } = options;
  const logger = options.logger.child({ queue });
  const currentChannel = (): Channel | undefined => subscription?.channel;
  const passOn = createPassOn({ ...options, currentChannel, logger });
  const settler = createSettler({ ...options, holdAtMostMs, passOn, currentChannel, logger });
  const atHand = new Set<Promise<void>>();
  const oneChangeAtATime = createSequence();
  let subscription: Subscription | undefined;
  let subscriptions = 0;
  let isPaused = false;
  let isStopping = false;
  let upkeep: NodeJS.Timeout | undefined;

  function onDelivery(by: Subscription, delivered: ConsumeMessage | null): void {
    const { connection, settle } = by;
    if (delivered === null) {
      logger.warn('the broker cancelled the subscription');
      void closeConnection(connection);
      return;
    }
    const job = settle(delivered).catch((error: unknown) => {
      logger.error({ err: error }, 'message could not be answered and will come again');
      void closeConnection(connection);
    });
    atHand.add(job);
    by.inHand += 1;
    void job.finally(() => {
      atHand.delete(job);
      by.inHand -= 1;
      if (by.inHand === 0 && by.consumerTag === undefined) changeSubscription();
    });
  }

  async function attach(connection: ChannelModel): Promise<void> {
    const channel = guardChannel(await connection.createChannel(), connection, logger);
    await channel.checkQueue(queue);
    await assertBindings(channel, queue);
    await channel.prefetch(concurrency);
    subscription = { channel, connection, settle: settler.by(channel), consumerTag: undefined, inHand: 0 };
    await subscribeAsWanted();
    // A binding that was deleted by accident comes back, while its messages are still young.
    upkeep = setInterval(() => {
      assertBindings(channel, queue).catch((error: unknown) => {
        logger.warn({ err: error }, 'cannot assert the bindings');
      });
    }, assertBindingsEveryMs);
  }

  /**
   * Brings the consumption on the present channel, if there is one, to what is wanted when its turn comes. It begins
   * only with empty hands: the broker would count what is in hand against the limit of the consumption that has ended.
   */
  function subscribeAsWanted(): Promise<void> {
    return oneChangeAtATime(async () => {
      if (!subscription) return;
      const current = subscription;
      const { channel, consumerTag } = current;
      const isWanted = !isPaused && !isStopping;
      if ((consumerTag !== undefined) === isWanted) return;
      if (consumerTag !== undefined) {
        current.consumerTag = undefined;
        await channel.cancel(consumerTag);
        return;
      }
      if (current.inHand > 0) return;
      // Never the same twice: a delivery on its way to the last one would crash the channel in RabbitMQ 3.10.
      subscriptions += 1;
      const newTag = `${name}.${process.pid}.${subscriptions}`;
      current.consumerTag = newTag;
      await channel.consume(queue, (delivered) => onDelivery(current, delivered), { consumerTag: newTag });
    });
  }

  /** The connection that takes the place of one on which it fails begins as is wanted by then. */
  function changeSubscription(): void {
    const changing = subscription;
    subscribeAsWanted().catch((error: unknown) => {
      logger.warn({ err: error }, 'could not change the subscription');
      if (changing) void closeConnection(changing.connection);
    });
  }

  function detach(): void {
    clearInterval(upkeep);
    subscription = undefined;
  }

  const connection = createBrokerConnection({ url, name, logger, attach, detach });

  return {
    start: connection.start,
    isReady: () => subscription !== undefined && connection.state() !== 'disconnected',
    isStuck: connection.isStuck,
    pause() {
      isPaused = true;
      changeSubscription();
    },
    resume() {
      isPaused = false;
      changeSubscription();
      settler.tryAgain();
    },
    async stop() {
      isStopping = true;
      await subscribeAsWanted().catch((error: unknown) => {
        logger.warn({ err: error }, 'could not cancel the subscription');
      });
      settler.letGo();
      await Promise.all(atHand);
      await settler.acknowledged();
      // The close of a connection overtakes acknowledgements that are not sent yet; that of their channel does not.
      await subscription?.channel.close().catch((error: unknown) => {
        logger.warn({ err: error }, 'could not close the channel');
      });
      await connection.stop();
    },
  };
}
