import type pg from 'pg';
import type { Logger } from 'pino';
import { routingKeyOf } from '../contracts/order-events.ts';
import { exchanges } from '../contracts/topology.ts';
import { type Backoff, backoffDelay } from '../kernel/backoff.ts';
import { type AppError, toAppError } from '../kernel/errors.ts';
import type { Failpoint } from '../kernel/failpoints.ts';
import { messageHeaders, type OutgoingMessage } from '../messaging/message.ts';
import type { Publisher } from '../messaging/publisher.ts';
import { traceIdOf, traceparentIn } from '../observability/trace-context.ts';
import { query } from '../postgres/statement.ts';
import { publishingDelay } from './outbox-metrics.ts';
import { markPublished, postponeMessages } from './sql.ts';

/** A row of the outbox that its relay has taken up. */
export interface ClaimedMessage {
  readonly id: number;
  readonly message_id: string;
  readonly order_id: string;
  readonly type: string;
  readonly correlation_id: string;
  readonly created_at: Date;
  /** When it was written, or taken back to be published once more. */
  readonly waiting_since: Date;
  readonly payload: string;
  readonly attempts: number;
}

interface BatchResult {
  readonly confirmed: number[];
  readonly failed: { message: ClaimedMessage; error: AppError }[];
}

/**
 * Publishes what was claimed on a session, and marks on the same session what the broker confirmed. `false`: the broker
 * is away, so there is no point in looking again at once.
 */
export type PublishBatch = (session: pg.Client, claimed: readonly ClaimedMessage[]) => Promise<boolean>;

const messageBackoff: Backoff = { initialMs: 500, maximumMs: 60_000 };

/**
 * Messages of one order go out one after the other, those of different orders together. One that is refused waits alone
 * for its next turn.
 *
 * @param options.onConfirmed called for each message, so that a long batch is not taken for a stuck one
 */
export function createPublishBatch(options: {
  publisher: Publisher;
  onConfirmed: () => void;
  failpoint: Failpoint;
  logger: Logger;
}): PublishBatch {
  const { publisher, onConfirmed, failpoint, logger } = options;

  async function publishInOrder(messages: readonly ClaimedMessage[], result: BatchResult): Promise<void> {
    for (const message of messages) {
      try {
        await publisher.publish(toOutgoing(message));
        onConfirmed();
        publishingDelay.observe((Date.now() - message.waiting_since.getTime()) / 1_000);
        failpoint('relay.after-confirm');
        result.confirmed.push(message.id);
      } catch (error) {
        result.failed.push({ message, error: toAppError(error) });
        return;
      }
    }
  }

  async function postpone(session: pg.Client, refused: BatchResult['failed']): Promise<void> {
    for (const { message, error } of refused) {
      const traceparent = traceparentIn(message.payload);
      logger.error(
        {
          messageId: message.message_id,
          orderId: message.order_id,
          correlationId: message.correlation_id,
          traceId: traceparent && traceIdOf(traceparent),
          attempt: message.attempts + 1,
          err: error,
        },
        'message cannot be published',
      );
    }
    await query(session, postponeMessages, [
      refused.map(({ message }) => message.id),
      refused.map(({ message }) => backoffDelay(messageBackoff, message.attempts + 1)),
      refused.map(({ error }) => `${error.code}: ${error.message}`),
    ]);
  }

  return async (session, claimed) => {
    const result: BatchResult = { confirmed: [], failed: [] };
    failpoint('relay.before-publish');
    const publishing = [...groupByOrder(claimed).values()].map((messages) =>
      publishInOrder(messages, result),
    );
    // By the next turn of the event loop the client has handed everything to the socket.
    setImmediate(() => failpoint('relay.after-publish'));
    await Promise.all(publishing);
    if (result.confirmed.length > 0) await query(session, markPublished, [result.confirmed]);
    const refused = result.failed.filter(({ error }) => isAboutTheMessage(error));
    if (refused.length > 0) await postpone(session, refused);
    return result.failed.length === refused.length;
  };
}

/** A message that was returned or refused waits alone; any other failure says nothing about the message. */
function isAboutTheMessage(error: AppError): boolean {
  return error.code === 'PUBLISH_RETURNED' || error.code === 'PUBLISH_REFUSED';
}

function groupByOrder(messages: readonly ClaimedMessage[]): Map<string, ClaimedMessage[]> {
  return Map.groupBy(messages, (message) => message.order_id);
}

function toOutgoing(message: ClaimedMessage): OutgoingMessage {
  return {
    exchange: exchanges.orders,
    routingKey: routingKeyOf(message.type),
    messageId: message.message_id,
    type: message.type,
    correlationId: message.correlation_id,
    time: message.created_at,
    orderId: message.order_id,
    traceparent: traceparentIn(message.payload),
    headers: { [messageHeaders.sentAt]: Date.now() },
    body: Buffer.from(message.payload),
  };
}
