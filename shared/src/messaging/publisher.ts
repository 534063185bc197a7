import { type ChannelModel, type ConfirmChannel, IllegalOperationError, type Message } from 'amqplib';
import type { Logger } from 'pino';
import { Histogram } from 'prom-client';
import { exchanges } from '../contracts/topology.ts';
import { AppError, toAppError } from '../kernel/errors.ts';
import { durationBuckets, secondsSince } from '../metrics/registry.ts';
import { createBrokerConnection, guardChannel } from './broker-connection.ts';
import { type OutgoingMessage, publishOptions } from './message.ts';
import { beginPublication, factsOf } from './message-spans.ts';
import { waitForLogs } from './wait-for-logs.ts';

/** Publishes with confirms on a connection of its own. */
export interface Publisher {
  start(): void;
  /**
   * Resolves once the broker has taken responsibility for the message.
   *
   * @throws AppError `BROKER_UNAVAILABLE` (not sent), `PUBLISH_RETURNED` (no queue wants it), `PUBLISH_REFUSED` (the
   * broker said no; of kind `rejected`: AMQP has no way to say it, now or later) or `PUBLISH_UNCONFIRMED` (no answer: it
   * may or may not be there, publish it again under its id).
   */
  publish(message: OutgoingMessage): Promise<void>;
  isReady(): boolean;
  /** @see BrokerConnection.isStuck */
  isStuck(): boolean;
  stop(): Promise<void>;
}

const publishDuration = new Histogram({
  name: 'oms_publish_duration_seconds',
  help: 'Until the broker has confirmed a message, or the code of why it has not: returned, refused, unconfirmed',
  labelNames: ['exchange', 'outcome'],
  buckets: durationBuckets,
});

// From the beginning, or the first failure could not be told from none.
for (const outcome of ['confirmed', 'PUBLISH_RETURNED', 'PUBLISH_REFUSED', 'PUBLISH_UNCONFIRMED'])
  publishDuration.zero({ exchange: exchanges.orders, outcome });

/** A confirm that has not come by then will not come; its outcome counts as unknown. */
export const confirmTimeoutMs = 10_000;

interface Pending {
  readonly messageId: string;
  readonly reject: (reason: AppError) => void;
}

/** Creates a publisher; nothing happens before `start`. */
export function createPublisher(options: { url: string; name: string; logger: Logger }): Publisher {
  const { url, name, logger } = options;
  const pending = new Set<Pending>();
  /** How often what was returned: a return arrives before the confirm of the same message. */
  const returned = new Map<string, number>();
  let channel: ConfirmChannel | undefined;
  let drain: PromiseWithResolvers<void> | undefined;

  async function attach(connection: ChannelModel): Promise<void> {
    await waitForLogs(connection);
    const opened = guardChannel(await connection.createConfirmChannel(), connection, logger);
    opened.on('return', (message: Message) => {
      const { exchange, routingKey } = message.fields;
      const copy = copyOf({ exchange, routingKey, messageId: message.properties.messageId });
      returned.set(copy, (returned.get(copy) ?? 0) + 1);
    });
    channel = opened;
  }

  function detach(): void {
    channel = undefined;
    drain?.resolve();
    drain = undefined;
    returned.clear();
    for (const { messageId, reject } of pending) reject(lost(messageId));
    pending.clear();
  }

  const connection = createBrokerConnection({ url, name, logger, attach, detach });

  function takeReturn(message: OutgoingMessage): boolean {
    const copy = copyOf(message);
    const times = returned.get(copy);
    if (times === undefined) return false;
    if (times === 1) returned.delete(copy);
    else returned.set(copy, times - 1);
    return true;
  }

  function waitForDrain(target: ConfirmChannel): void {
    if (drain) return;
    const waiting = Promise.withResolvers<void>();
    drain = waiting;
    target.once('drain', () => {
      waiting.resolve();
      if (drain === waiting) drain = undefined;
    });
  }

  function send(target: ConfirmChannel, message: OutgoingMessage): Promise<void> {
    return new Promise((resolve, reject) => {
      const entry: Pending = {
        messageId: message.messageId,
        reject: (reason) => {
          clearTimeout(timer);
          pending.delete(entry);
          reject(reason);
        },
      };
      const timer = setTimeout(
        () => entry.reject(unconfirmed(message.messageId, `no confirm within ${confirmTimeoutMs} ms`)),
        confirmTimeoutMs,
      );
      pending.add(entry);
      const confirm = (refusal: unknown): void => {
        const wasReturned = takeReturn(message);
        if (!pending.has(entry)) return;
        if (refusal) return entry.reject(isNack(refusal) ? refused(message) : lost(message.messageId));
        if (wasReturned) return entry.reject(unroutable(message));
        clearTimeout(timer);
        pending.delete(entry);
        resolve();
      };
      try {
        const { exchange, routingKey, body } = message;
        if (!target.publish(exchange, routingKey, body, publishOptions(message), confirm)) {
          waitForDrain(target);
        }
      } catch (error) {
        entry.reject(
          error instanceof IllegalOperationError ? unavailable(error) : unwritable(message, error),
        );
      }
    });
  }

  return {
    start: connection.start,
    async publish(message) {
      if (drain) await drain.promise;
      if (!channel || connection.state() === 'blocked') throw unavailable();
      const start = performance.now();
      const { exchange } = message;
      const { span, traced } = beginPublication(message);
      try {
        await send(channel, traced);
        publishDuration.observe({ exchange, outcome: 'confirmed' }, secondsSince(start));
        const durationMs = Math.round(performance.now() - start);
        logger.info({ ...factsOf(message, span), durationMs }, 'message published');
      } catch (error) {
        span.fail(error);
        publishDuration.observe({ exchange, outcome: toAppError(error).code }, secondsSince(start));
        throw error;
      } finally {
        span.end();
      }
    },
    isReady: () => channel !== undefined && connection.state() === 'connected',
    isStuck: connection.isStuck,
    stop: connection.stop,
  };
}

/** Copies of one message on their way to different places are told apart; those to the same place are all alike. */
function copyOf(message: Pick<OutgoingMessage, 'exchange' | 'routingKey' | 'messageId'>): string {
  return JSON.stringify([message.exchange, message.routingKey, message.messageId]);
}

function unavailable(cause?: unknown): AppError {
  return new AppError({
    code: 'BROKER_UNAVAILABLE',
    kind: 'unavailable',
    message: 'the broker takes no messages at the moment',
    cause,
  });
}

function unconfirmed(messageId: string, why: string): AppError {
  return new AppError({
    code: 'PUBLISH_UNCONFIRMED',
    kind: 'transient',
    message: `it is unknown whether message ${messageId} was taken: ${why}`,
  });
}

function lost(messageId: string): AppError {
  return unconfirmed(messageId, 'the connection was lost');
}

/** amqplib tells a nack from a channel that closed by the text of the error alone. */
function isNack(refusal: unknown): boolean {
  return refusal instanceof Error && refusal.message === 'message nacked';
}

function unroutable(message: OutgoingMessage): AppError {
  return new AppError({
    code: 'PUBLISH_RETURNED',
    kind: 'transient',
    message: `no queue is bound for exchange "${message.exchange}", routing key "${message.routingKey}"`,
  });
}

function refused(message: OutgoingMessage): AppError {
  return new AppError({
    code: 'PUBLISH_REFUSED',
    kind: 'transient',
    message: `the broker refused message ${message.messageId}`,
  });
}

/** What somebody else's client could write, with its headers, may be more than ours can. */
function unwritable(message: OutgoingMessage, cause: unknown): AppError {
  return new AppError({
    code: 'PUBLISH_REFUSED',
    kind: 'rejected',
    message: `message ${message.messageId} cannot be written: ${toAppError(cause).message}`,
    cause,
  });
}
