import type { Channel } from 'amqplib';
import type { Logger } from 'pino';
import type { WorkQueueName } from '../contracts/topology.ts';
import type { Clock } from '../kernel/clock.ts';
import { type AppError, toAppError } from '../kernel/errors.ts';
import type { Failpoint } from '../kernel/failpoints.ts';
import { inBrief } from '../observability/logger.ts';
import { assertDeadLetterBinding } from './assert-bindings.ts';
import { countConsumed, type Outcome } from './consumer-metrics.ts';
import { disposeOf, toDeadLetter, toQueueAgain, toRetry } from './failure-policy.ts';
import type { IncomingMessage, OutgoingMessage } from './message.ts';
import type { MessageHandler } from './message-handler.ts';
import type { Publisher } from './publisher.ts';

/**
 * `gone`: it is where it goes, confirmed by the broker, or has nothing left to do, so that what was delivered is to be
 * acknowledged. `waits`: it has to wait here. `unwritable`: it is given up, and no copy of it can be sent, so that the broker
 * has to make a dead letter of what was delivered.
 */
export type Passage = 'gone' | 'waits' | 'unwritable';

/** Where a message goes that cannot be finished here. */
export interface PassOn {
  /**
   * Sends a failed message on its way: up the retry ladder or into the dead-letter queue, as its error says.
   *
   * @param waitedLong whether it has been in hand for as long as a message may be
   */
  failed(message: IncomingMessage, error: AppError, waitedLong: boolean): Promise<Passage>;
  /** To the end of the queue, as if it had never been in hand: nobody is to blame for how long it had to wait. */
  unfinished(message: IncomingMessage): Promise<'gone' | 'waits'>;
}

export function createPassOn(options: {
  queue: WorkQueueName;
  retryDelaysMs: readonly number[];
  handler: Pick<MessageHandler, 'giveUp'>;
  publisher: Publisher;
  /** By which bindings can be asserted, while there is one. */
  currentChannel: () => Channel | undefined;
  clock: Clock;
  failpoint: Failpoint;
  logger: Logger;
}): PassOn {
  const { queue, retryDelaysMs, handler, publisher, currentChannel, clock, failpoint, logger } = options;

  /** What giving it up comes to; `wait` while that cannot be said. */
  async function lastWordOn(
    message: IncomingMessage,
    error: AppError,
    waitedLong: boolean,
  ): Promise<'park' | 'done' | 'wait'> {
    try {
      return (await handler.giveUp?.(message, error)) ?? 'park';
    } catch (cause) {
      const isHopeless = willNotPass(toAppError(cause), waitedLong);
      logger.error(
        { type: message.type, err: cause },
        isHopeless ? 'message is given up without the last word on it' : 'cannot give a message up yet',
      );
      return isHopeless ? 'park' : 'wait';
    }
  }

  async function park(message: IncomingMessage, error: AppError): Promise<Passage> {
    try {
      const channel = currentChannel();
      if (channel) await assertDeadLetterBinding(channel, queue);
    } catch (cause) {
      logger.error({ type: message.type, err: cause }, 'cannot see to the binding of the dead-letter queue');
      return 'waits';
    }
    logger.error({ type: message.type, err: error }, 'message goes to the dead-letter queue');
    failpoint('consumer.before-park');
    const passage = await send(toDeadLetter(message, error, clock()), 'parked', error);
    if (passage === 'unwritable') countConsumed(queue, 'parked', error);
    return passage;
  }

  async function giveUp(message: IncomingMessage, error: AppError, waitedLong: boolean): Promise<Passage> {
    switch (await lastWordOn(message, error, waitedLong)) {
      case 'wait':
        return 'waits';
      case 'done':
        countConsumed(queue, 'done', error);
        logger.info({ type: message.type, err: inBrief(error) }, 'message has nothing left to do');
        return 'gone';
      case 'park':
        return park(message, error);
    }
  }

  async function send(copy: OutgoingMessage, outcome: Outcome, error?: AppError): Promise<Passage> {
    try {
      await publisher.publish(copy);
      countConsumed(queue, outcome, error);
      return 'gone';
    } catch (cause) {
      const isUnwritable = toAppError(cause).kind === 'rejected';
      logger.error(
        { type: copy.type, err: cause },
        isUnwritable ? 'cannot pass a failed message on' : 'cannot pass a failed message on yet',
      );
      return isUnwritable ? 'unwritable' : 'waits';
    }
  }

  async function retry(message: IncomingMessage, error: AppError, delayMs: number): Promise<Passage> {
    logger.warn({ type: message.type, err: inBrief(error), delayMs }, 'message will be retried');
    failpoint('consumer.before-retry');
    return send(toRetry(message, error, delayMs, clock()), 'retried', error);
  }

  async function unfinished(message: IncomingMessage): Promise<'gone' | 'waits'> {
    const [shortestMs] = retryDelaysMs;
    if (shortestMs === undefined) return 'waits';
    const passage = await send(toQueueAgain(message, shortestMs), 'put back');
    return passage === 'unwritable' ? 'waits' : passage;
  }

  return {
    async failed(message, error, waitedLong) {
      const disposition = disposeOf(error, message.failedAttempts, retryDelaysMs);
      switch (disposition.action) {
        case 'hold':
          return 'waits';
        case 'step back':
          logger.warn({ type: message.type, err: inBrief(error) }, 'message lets the others go first');
          return unfinished(message);
        case 'retry': {
          const passage = await retry(message, error, disposition.delayMs);
          return passage === 'unwritable' ? giveUp(message, error, waitedLong) : passage;
        }
        case 'park':
          return giveUp(message, error, waitedLong);
      }
    },

    unfinished,
  };
}

/** Whether giving up will not get any further, now or later. */
function willNotPass({ kind, code }: AppError, waitedLong: boolean): boolean {
  return kind === 'permanent' || kind === 'rejected' || (waitedLong && code === 'INTERNAL');
}
