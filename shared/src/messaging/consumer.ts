import type { Channel, ChannelModel, ConsumeMessage } from 'amqplib';
import type { Logger } from 'pino';
import type { WorkQueueName } from '../contracts/topology.ts';
import { type Backoff, backoffDelay } from '../kernel/backoff.ts';
import type { Clock } from '../kernel/clock.ts';
import { type AppError, toAppError } from '../kernel/errors.ts';
import type { Failpoint } from '../kernel/failpoints.ts';
import { createSequence } from '../kernel/sequence.ts';
import { sleep } from '../kernel/sleep.ts';
import { inBrief } from '../observability/logger.ts';
import { beginWork } from '../observability/work-at-hand.ts';
import { assertBindings, assertDeadLetterBinding } from './assert-bindings.ts';
import { closeConnection, createBrokerConnection, guardChannel } from './broker-connection.ts';
import { consumedMessages, handlingDuration, type Outcome, waitingDuration } from './consumer-metrics.ts';
import {
  disposeOf,
  isPoisonous,
  isSuspect,
  poison,
  toDeadLetter,
  toQueueAgain,
  toRetry,
} from './failure-policy.ts';
import { type IncomingMessage, type OutgoingMessage, readMessage } from './message.ts';
import { inProcessing } from './message-spans.ts';
import type { Publisher } from './publisher.ts';

/** What a service does with the messages of one queue. */
export interface MessageHandler {
  /**
   * The effect. Returning means that it is durable, throwing that it is not; `duplicate` that it was so before, and
   * that nothing has changed.
   */
  handle(message: IncomingMessage): Promise<'duplicate' | void>;
  /**
   * The last word on a message before it goes to the dead-letter queue: undo what is half done, tell who waits. Answers
   * `done` when there turns out to be nothing to give up. While it throws, the message is not given up.
   */
  giveUp?(message: IncomingMessage, error: AppError): Promise<'park' | 'done'>;
}

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
  /** Of the consumption that the broker was told, or is being told, to begin; `undefined` when it was told to end it. */
  consumerTag: string | undefined;
  /** How many of its messages are not answered yet. */
  inHand: number;
}

const assertBindingsEveryMs = 5_000;
/** While a dependency is away. */
const holdBackoff: Backoff = { initialMs: 200, maximumMs: 5_000 };
/**
 * How long a channel stays open after its last acknowledgement. For a quorum queue RabbitMQ passes 32 of them on, keeps
 * further ones until it knows those to be replicated, and forgets what it keeps when the channel closes: the messages
 * would be delivered once more.
 */
const acknowledgingMs = 200;
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
  const { url, name, queue, concurrency, retryDelaysMs, handler, publisher, clock, failpoint } = options;
  const { holdAtMostMs = defaultHoldAtMostMs } = options;
  const logger = options.logger.child({ queue });
  const stopping = new AbortController();
  const atHand = new Set<Promise<void>>();
  let subscription: Subscription | undefined;
  let subscriptions = 0;
  let isPaused = false;
  let isStopping = false;
  let lastAckAt = 0;
  let resumed = new AbortController();
  const oneByOne = createSequence();
  const oneChangeAtATime = createSequence();
  let upkeep: NodeJS.Timeout | undefined;
  /** The first suspect that this subscription delivered: it also ran first the last time, and got no answer. */
  let firstInLine: ConsumeMessage | undefined;

  function count(outcome: Outcome, error?: AppError): void {
    consumedMessages.inc({ queue, outcome, code: error?.code ?? '' });
  }

  /** Handles a message and acknowledges it, unless the broker has meanwhile taken it back to deliver it again. */
  async function settle(
    message: IncomingMessage,
    delivered: ConsumeMessage,
    channel: Channel,
  ): Promise<void> {
    const isOurs = (): boolean => subscription?.channel === channel;
    const since = performance.now();
    for (let holds = 0; isOurs() && !stopping.signal.aborted; holds += 1) {
      const isSettled = await inProcessing(message, async (traced, span) => {
        const { error, isDuplicate } = await attempt(traced, delivered);
        if (error) span.fail(error);
        else count(isDuplicate ? 'duplicate' : 'handled');
        const isLong = performance.now() - since > holdAtMostMs;
        if (!error || (await passOn(traced, error)) || (isLong && (await giveBack(traced)))) return true;
        if (holds === 0) logger.warn({ type: message.type, err: error }, 'message waits for a dependency');
        return false;
      });
      if (isSettled) {
        failpoint('consumer.before-ack');
        if (isOurs()) channel.ack(delivered);
        lastAckAt = performance.now();
        return;
      }
      await sleep(backoffDelay(holdBackoff, holds + 1), AbortSignal.any([stopping.signal, resumed.signal]));
    }
  }

  async function attempt(
    message: IncomingMessage,
    delivered: ConsumeMessage,
  ): Promise<{ error?: AppError; isDuplicate?: boolean }> {
    // Those behind the first one came back just as often, but because of it: they have not been tried yet.
    if (delivered === firstInLine && isPoisonous(message)) return { error: poison(message) };
    const stopClock = handlingDuration.startTimer({ queue });
    try {
      const isDuplicate = (await handler.handle(message)) === 'duplicate';
      const durationMs = Math.round(stopClock() * 1_000);
      logger.info({ type: message.type, isDuplicate, durationMs }, 'message handled');
      return { isDuplicate };
    } catch (error) {
      stopClock();
      return { error: toAppError(error) };
    }
  }

  /** Sends a failed message on its way. `false`: it has to wait here. */
  async function passOn(message: IncomingMessage, error: AppError): Promise<boolean> {
    const disposition = disposeOf(error, message.failedAttempts, retryDelaysMs);
    switch (disposition.action) {
      case 'hold':
        return false;
      case 'retry':
        logger.warn(
          { type: message.type, err: inBrief(error), delayMs: disposition.delayMs },
          'message will be retried',
        );
        failpoint('consumer.before-retry');
        return sendOn(toRetry(message, error, disposition.delayMs, clock()), 'retried', error);
      case 'park':
        return park(message, error);
    }
  }

  /** To the end of the queue, as if it had never been in hand: nobody is to blame for how long it had to wait. */
  async function giveBack(message: IncomingMessage): Promise<boolean> {
    const [shortestMs] = retryDelaysMs;
    return shortestMs !== undefined && sendOn(toQueueAgain(message, shortestMs), 'put back');
  }

  async function park(message: IncomingMessage, error: AppError): Promise<boolean> {
    try {
      if ((await handler.giveUp?.(message, error)) === 'done') {
        count('done', error);
        logger.info({ type: message.type, err: inBrief(error) }, 'message has nothing left to do');
        return true;
      }
      if (subscription) await assertDeadLetterBinding(subscription.channel, queue);
    } catch (cause) {
      logger.error({ type: message.type, err: cause }, 'cannot give a message up yet');
      return false;
    }
    logger.error({ type: message.type, err: error }, 'message goes to the dead-letter queue');
    failpoint('consumer.before-park');
    return sendOn(toDeadLetter(message, error, clock()), 'parked', error);
  }

  async function sendOn(copy: OutgoingMessage, outcome: Outcome, error?: AppError): Promise<boolean> {
    try {
      await publisher.publish(copy);
      count(outcome, error);
      return true;
    } catch (cause) {
      logger.error({ type: copy.type, err: cause }, 'cannot pass a failed message on yet');
      return false;
    }
  }

  function work(channel: Channel, delivered: ConsumeMessage): Promise<void> {
    const message = readMessage(queue, delivered);
    const { messageId, correlationId, orderId, failedAttempts, traceparent } = message;
    if (message.sentAt && failedAttempts === 0 && message.replayCount === 0) {
      waitingDuration.observe({ queue }, (Date.now() - message.sentAt.getTime()) / 1_000);
    }
    const facts = { messageId, correlationId, orderId, attempt: failedAttempts + 1 };
    return beginWork(facts, traceparent, async () => {
      if (!isSuspect(message)) return settle(message, delivered, channel);
      firstInLine ??= delivered;
      return oneByOne(async () => {
        await settle(message, delivered, channel);
        // An answer on the same channel: the acknowledgement is safe from whatever the next one does to this process.
        if (subscription?.channel === channel) await channel.checkQueue(queue);
      });
    });
  }

  function onDelivery(by: Subscription, delivered: ConsumeMessage | null): void {
    const { channel, connection } = by;
    if (delivered === null) {
      logger.warn('the broker cancelled the subscription');
      void closeConnection(connection);
      return;
    }
    const job = work(channel, delivered).catch((error: unknown) => {
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
    subscription = { channel, connection, consumerTag: undefined, inHand: 0 };
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
    firstInLine = undefined;
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
      resumed.abort();
      resumed = new AbortController();
    },
    async stop() {
      isStopping = true;
      await subscribeAsWanted().catch((error: unknown) => {
        logger.warn({ err: error }, 'could not cancel the subscription');
      });
      stopping.abort();
      await Promise.all(atHand);
      await sleep(lastAckAt + acknowledgingMs - performance.now());
      // The close of a connection overtakes acknowledgements that are not sent yet; that of their channel does not.
      await subscription?.channel.close().catch((error: unknown) => {
        logger.warn({ err: error }, 'could not close the channel');
      });
      await connection.stop();
    },
  };
}
