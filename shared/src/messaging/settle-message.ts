import type { Channel, ConsumeMessage } from 'amqplib';
import type { Logger } from 'pino';
import type { WorkQueueName } from '../contracts/topology.ts';
import { type Backoff, backoffDelay } from '../kernel/backoff.ts';
import { type AppError, toAppError } from '../kernel/errors.ts';
import type { Failpoint } from '../kernel/failpoints.ts';
import { createSequence } from '../kernel/sequence.ts';
import { sleep } from '../kernel/sleep.ts';
import { beginWork } from '../observability/work-at-hand.ts';
import { createAcknowledger } from './acknowledge-in-sets.ts';
import { countConsumed, handlingDuration, waitingDuration } from './consumer-metrics.ts';
import { isPoisonous, isSuspect, poison } from './failure-policy.ts';
import { type IncomingMessage, readMessage } from './message.ts';
import type { MessageHandler } from './message-handler.ts';
import { inProcessing } from './message-spans.ts';
import type { Passage, PassOn } from './pass-on-message.ts';

/** Sees each message to its end, whatever happens to the subscription that it came by. */
export interface Settler {
  /**
   * For the messages that one channel delivers. What is returned resolves once a message is acknowledged, or is no
   * longer ours to answer, and rejects when it could not be answered.
   */
  by(channel: Channel): (delivered: ConsumeMessage) => Promise<void>;
  /** Tries what waits for a dependency again, at once. */
  tryAgain(): void;
  /** Tries nothing again: what waits for a dependency is left to the next consumer. */
  letGo(): void;
  /** Resolves once the broker has had the time that it needs for the last acknowledgement. */
  acknowledged(): Promise<void>;
}

/** A message that has been delivered, with the way to answer it. */
interface Delivery {
  readonly message: IncomingMessage;
  /** Whether the broker still waits for the answer. */
  isOurs(): boolean;
  /** Resolves once that is sent. */
  acknowledge(): Promise<void>;
  /** Leaves it to the broker to make a dead letter of it. */
  reject(): void;
}

/** The error with which an attempt at a message failed, if it did. */
type Attempt = (message: IncomingMessage) => Promise<AppError | undefined>;

const condemn: Attempt = async (message) => poison(message);

/** While a dependency is away. */
const holdBackoff: Backoff = { initialMs: 200, maximumMs: 5_000 };
/**
 * How long a channel stays open after its last acknowledgement. For a quorum queue RabbitMQ passes 32 of them on, keeps
 * further ones until it knows those to be replicated, and forgets what it keeps when the channel closes: the messages
 * would be delivered once more.
 */
const acknowledgingMs = 200;

/** @param options.currentChannel what came by any other one has been taken back by the broker */
export function createSettler(options: {
  queue: WorkQueueName;
  holdAtMostMs: number;
  handler: Pick<MessageHandler, 'handle'>;
  passOn: PassOn;
  currentChannel: () => Channel | undefined;
  failpoint: Failpoint;
  logger: Logger;
}): Settler {
  const { queue, holdAtMostMs, handler, passOn, currentChannel, failpoint, logger } = options;
  const stopping = new AbortController();
  const oneByOne = createSequence();
  let resumed = new AbortController();
  let lastAckAt = 0;

  /** Tries a message until it is settled and acknowledges it, unless the broker has taken it back to deliver it again. */
  async function settle({ message, isOurs, acknowledge, reject }: Delivery, tryOnce: Attempt): Promise<void> {
    const since = performance.now();
    for (let holds = 0; isOurs() && !stopping.signal.aborted; holds += 1) {
      const passage = await inProcessing(message, async (traced, span): Promise<Passage> => {
        const error = await tryOnce(traced);
        if (!error) return 'gone';
        span.fail(error);
        const waitedLong = performance.now() - since > holdAtMostMs;
        const whereTo = await passOn.failed(traced, error, waitedLong);
        if (whereTo !== 'waits') return whereTo;
        if (waitedLong && (await passOn.unfinished(traced)) === 'gone') return 'gone';
        if (holds === 0) logger.warn({ type: message.type, err: error }, 'message waits for a dependency');
        return 'waits';
      });
      if (passage === 'unwritable') return reject();
      if (passage === 'gone') {
        failpoint('consumer.before-ack');
        if (isOurs()) await acknowledge();
        lastAckAt = performance.now();
        return;
      }
      await sleep(backoffDelay(holdBackoff, holds + 1), AbortSignal.any([stopping.signal, resumed.signal]));
    }
  }

  const handle: Attempt = async (message) => {
    const stopClock = handlingDuration.startTimer({ queue });
    try {
      const isDuplicate = (await handler.handle(message)) === 'duplicate';
      const durationMs = Math.round(stopClock() * 1_000);
      logger.info({ type: message.type, isDuplicate, durationMs }, 'message handled');
      countConsumed(queue, isDuplicate ? 'duplicate' : 'handled');
      return undefined;
    } catch (error) {
      stopClock();
      return toAppError(error);
    }
  };

  return {
    by(channel) {
      const isOurs = (): boolean => currentChannel() === channel;
      const acknowledger = createAcknowledger(channel, isOurs);
      /** The first suspect that this channel delivered: it also ran first the last time, and got no answer. */
      let firstInLine: ConsumeMessage | undefined;

      return (delivered) => {
        const message = readMessage(queue, delivered);
        const delivery = {
          message,
          isOurs,
          acknowledge: () => acknowledger.acknowledge(delivered),
          reject: () => acknowledger.reject(delivered),
        };
        acknowledger.expect(delivered);
        measureWaiting(message);
        return atWorkOn(message, async () => {
          if (!isSuspect(message)) return settle(delivery, handle);
          firstInLine ??= delivered;
          // Those behind the first one came back just as often, but because of it: they have not been tried yet.
          const isToBlame = delivered === firstInLine && isPoisonous(message);
          return oneByOne(async () => {
            await settle(delivery, isToBlame ? condemn : handle);
            // An answer on the same channel: the acknowledgement is safe from whatever the next one does to this process.
            if (isOurs()) await channel.checkQueue(queue);
          });
        });
      };
    },

    tryAgain() {
      resumed.abort();
      resumed = new AbortController();
    },

    letGo() {
      stopping.abort();
    },

    acknowledged: () => sleep(lastAckAt + acknowledgingMs - performance.now()),
  };
}

function measureWaiting({ queue, sentAt, failedAttempts, replayCount }: IncomingMessage): void {
  if (!sentAt || failedAttempts > 0 || replayCount > 0) return;
  waitingDuration.observe({ queue }, (Date.now() - sentAt.getTime()) / 1_000);
}

function atWorkOn(message: IncomingMessage, work: () => Promise<void>): Promise<void> {
  const { messageId, correlationId, orderId, failedAttempts, traceparent } = message;
  return beginWork({ messageId, correlationId, orderId, attempt: failedAttempts + 1 }, traceparent, work);
}
