import type { Channel, ChannelModel, ConsumeMessage } from 'amqplib';
import type { Logger } from 'pino';
import type { z } from 'zod';
import { AppError } from '../kernel/errors.ts';
import { newId } from '../kernel/ids.ts';
import { closeConnection, createBrokerConnection, guardChannel } from './broker-connection.ts';

/**
 * Questions and answers over the broker, for what one service wants to know of another at this moment. Nothing about it
 * is durable: whoever asks waits a few seconds and then does without. The answer comes back by RabbitMQ's direct
 * reply-to (https://www.rabbitmq.com/docs/direct-reply-to), so that no queue has to be declared for it.
 */
const directReplyTo = 'amq.rabbitmq.reply-to';

/** Asks over a connection of its own. */
export interface Requester {
  start(): void;
  /**
   * Resolves with the answer as it came, parsed from JSON; whoever asks checks its shape.
   *
   * @throws AppError `BROKER_UNAVAILABLE` when there is no connection, or nobody answers within `timeoutMs`.
   */
  ask(queue: string, question: unknown, options: { timeoutMs: number }): Promise<unknown>;
  stop(): Promise<void>;
}

interface Asked {
  readonly resolve: (answer: unknown) => void;
  readonly reject: (reason: Error) => void;
}

export function createRequester(options: { url: string; name: string; logger: Logger }): Requester {
  const asked = new Map<string, Asked>();
  let channel: Channel | undefined;

  function hear(answer: ConsumeMessage | null, connection: ChannelModel): void {
    if (answer === null) return void closeConnection(connection);
    const waiting = asked.get(String(answer.properties.correlationId));
    try {
      waiting?.resolve(JSON.parse(answer.content.toString()));
    } catch (error) {
      waiting?.reject(unanswered('the answer is not JSON', error));
    }
  }

  async function attach(connection: ChannelModel): Promise<void> {
    const opened = guardChannel(await connection.createChannel(), connection, options.logger);
    await opened.consume(directReplyTo, (answer) => hear(answer, connection), { noAck: true });
    channel = opened;
  }

  function detach(): void {
    channel = undefined;
    for (const { reject } of asked.values()) reject(unanswered('the connection was lost'));
  }

  const connection = createBrokerConnection({ ...options, attach, detach });

  return {
    start: connection.start,
    async ask(queue, question, { timeoutMs }) {
      if (!channel || connection.state() !== 'connected') throw unanswered('there is no connection');
      const correlationId = newId();
      const { promise, resolve, reject } = Promise.withResolvers<unknown>();
      const timer = setTimeout(() => reject(unanswered(`nothing came within ${timeoutMs} ms`)), timeoutMs);
      asked.set(correlationId, { resolve, reject });
      try {
        channel.sendToQueue(queue, Buffer.from(JSON.stringify(question)), {
          correlationId,
          replyTo: directReplyTo,
          contentType: 'application/json',
          expiration: timeoutMs,
        });
        return await promise;
      } finally {
        clearTimeout(timer);
        asked.delete(correlationId);
      }
    },
    stop: connection.stop,
  };
}

/** Answers the questions that arrive in one queue, over a connection of its own. */
export interface Responder {
  start(): void;
  isReady(): boolean;
  /** Answers what is in hand and takes no more. */
  stop(): Promise<void>;
}

const questionsAtOnce = 10;

/**
 * A question that does not have the expected shape, or whose answer cannot be found out, is logged and left unanswered:
 * whoever asked is prepared for that, and asking again is up to them.
 */
export function createResponder<Question>(options: {
  url: string;
  name: string;
  queue: string;
  question: z.ZodType<Question>;
  answer: (question: Question) => Promise<unknown>;
  logger: Logger;
}): Responder {
  const { queue, question, answer } = options;
  const logger = options.logger.child({ queue });
  const inHand = new Set<Promise<void>>();
  let subscription: { channel: Channel; consumerTag: string } | undefined;

  async function respond(channel: Channel, asked: ConsumeMessage): Promise<void> {
    const { replyTo, correlationId } = asked.properties as { replyTo?: string; correlationId?: string };
    try {
      const found = await answer(question.parse(JSON.parse(asked.content.toString())));
      if (!replyTo || subscription?.channel !== channel) return;
      channel.sendToQueue(replyTo, Buffer.from(JSON.stringify(found)), {
        ...(correlationId === undefined ? {} : { correlationId }),
        contentType: 'application/json',
      });
    } catch (error) {
      logger.warn({ err: error, correlationId }, 'question left unanswered');
    } finally {
      if (subscription?.channel === channel) channel.ack(asked);
    }
  }

  async function attach(connection: ChannelModel): Promise<void> {
    const channel = guardChannel(await connection.createChannel(), connection, logger);
    await channel.checkQueue(queue);
    await channel.prefetch(questionsAtOnce);
    const consumerTag = `${options.name}.${process.pid}`;
    subscription = { channel, consumerTag };
    await channel.consume(
      queue,
      (asked) => {
        if (asked === null) return void closeConnection(connection);
        const job = respond(channel, asked);
        inHand.add(job);
        void job.finally(() => inHand.delete(job));
      },
      { consumerTag },
    );
  }

  const connection = createBrokerConnection({
    ...options,
    logger,
    attach,
    detach: () => {
      subscription = undefined;
    },
  });

  return {
    start: connection.start,
    isReady: () => subscription !== undefined && connection.state() !== 'disconnected',
    async stop() {
      const current = subscription;
      await current?.channel.cancel(current.consumerTag).catch((error: unknown) => {
        logger.warn({ err: error }, 'could not cancel the subscription');
      });
      await Promise.all(inHand);
      // The close of a connection overtakes what its channels have not sent yet; that of a channel does not.
      await current?.channel.close().catch(() => undefined);
      await connection.stop();
    },
  };
}

function unanswered(why: string, cause?: unknown): AppError {
  return new AppError({
    code: 'BROKER_UNAVAILABLE',
    kind: 'unavailable',
    message: `the question was not answered: ${why}`,
    cause,
  });
}
