import type { Channel, ChannelModel, ConsumeMessage } from 'amqplib';
import type { Logger } from 'pino';
import type { z } from 'zod';
import { AppError } from '../kernel/errors.ts';
import { newId } from '../kernel/ids.ts';
import { closeConnection, createBrokerConnection, guardChannel } from './broker-connection.ts';

/**
 * Questions and answers over the broker, for what one service wants to know of another at this moment. Whoever asks
 * waits a few seconds and then does without. Answers go to a stream, along which everybody who asks reads and picks out
 * his own: neither a queue of one's own, which would have to be declared, nor direct reply-to, whose answers go through the
 * default exchange and thus with the right to write into every queue there is.
 */
const readAhead = 100;

/** Asks over a connection of its own. */
export interface Requester {
  start(): void;
  /**
   * Resolves with the answer as it came, parsed from JSON; whoever asks checks its shape.
   *
   * @throws AppError `BROKER_UNAVAILABLE` when there is no connection, or nobody answers within `timeoutMs`.
   */
  ask(question: unknown, options: { timeoutMs: number }): Promise<unknown>;
  stop(): Promise<void>;
}

interface Asked {
  readonly resolve: (answer: unknown) => void;
  readonly reject: (reason: Error) => void;
}

/** Where a question or an answer is published to. */
interface Way {
  readonly exchange: string;
  readonly routingKey: string;
}

/** @param options.answers the stream that the answers come to */
export function createRequester(options: {
  url: string;
  name: string;
  questions: Way;
  answers: string;
  logger: Logger;
}): Requester {
  const { questions, answers } = options;
  const asked = new Map<string, Asked>();
  let channel: Channel | undefined;

  function hear(answer: ConsumeMessage | null, on: Channel, connection: ChannelModel): void {
    if (answer === null) return void closeConnection(connection);
    on.ack(answer);
    const waiting = asked.get(String(answer.properties.correlationId));
    try {
      waiting?.resolve(JSON.parse(answer.content.toString()));
    } catch (error) {
      waiting?.reject(unanswered('the answer is not JSON', error));
    }
  }

  async function attach(connection: ChannelModel): Promise<void> {
    const opened = guardChannel(await connection.createChannel(), connection, options.logger);
    await opened.prefetch(readAhead);
    await opened.consume(answers, (answer) => hear(answer, opened, connection), {
      arguments: { 'x-stream-offset': 'next' },
    });
    channel = opened;
  }

  function detach(): void {
    channel = undefined;
    for (const { reject } of asked.values()) reject(unanswered('the connection was lost'));
  }

  const connection = createBrokerConnection({ ...options, attach, detach });

  return {
    start: connection.start,
    async ask(question, { timeoutMs }) {
      if (!channel || connection.state() !== 'connected') throw unanswered('there is no connection');
      const correlationId = newId();
      const { promise, resolve, reject } = Promise.withResolvers<unknown>();
      const timer = setTimeout(() => reject(unanswered(`nothing came within ${timeoutMs} ms`)), timeoutMs);
      asked.set(correlationId, { resolve, reject });
      try {
        const { exchange, routingKey } = questions;
        channel.publish(exchange, routingKey, Buffer.from(JSON.stringify(question)), {
          correlationId,
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
  /** @see BrokerConnection.isStuck */
  isStuck(): boolean;
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
  answers: Way;
  question: z.ZodType<Question>;
  answer: (question: Question) => Promise<unknown>;
  logger: Logger;
}): Responder {
  const { queue, answers, question, answer } = options;
  const logger = options.logger.child({ queue });
  const inHand = new Set<Promise<void>>();
  let subscription: { channel: Channel; consumerTag: string } | undefined;

  async function respond(channel: Channel, asked: ConsumeMessage): Promise<void> {
    const { correlationId } = asked.properties as { correlationId?: string };
    try {
      const found = await answer(question.parse(JSON.parse(asked.content.toString())));
      if (correlationId === undefined || subscription?.channel !== channel) return;
      channel.publish(answers.exchange, answers.routingKey, Buffer.from(JSON.stringify(found)), {
        correlationId,
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
    isStuck: connection.isStuck,
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
