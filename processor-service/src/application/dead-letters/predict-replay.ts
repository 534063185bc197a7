import { type OrderMessage, parseOrderMessage, routingKeyOf } from '#shared/contracts/order-events.ts';
import type { OrderInquiryAnswer } from '#shared/contracts/order-inquiries.ts';
import { queues, workQueues } from '#shared/contracts/topology.ts';
import { type AppError, toAppError } from '#shared/kernel/errors.ts';
import type { IncomingMessage } from '#shared/messaging/message.ts';
import type { SagaState } from '../../domain/saga.ts';
import type { DeadLetterSummary } from './dead-letter.ts';
import { destinationOf } from './destination.ts';
import type { PossibleState, Rehearsed } from './rehearsal.ts';

/**
 * - `none`: the message is done at once; what it asks for has been dealt with, or nobody takes it.
 * - `goes_on`: it sets off or drives on what it is there for.
 * - `waits`: it goes up the retry ladder, because its time has not come.
 * - `fails_again`: it comes back to the dead letters.
 * - `unknown`: those who would know did not answer.
 */
export type ReplayEffect = 'none' | 'goes_on' | 'waits' | 'fails_again' | 'unknown';

export const replayEffects: readonly ReplayEffect[] = ['none', 'goes_on', 'waits', 'fails_again', 'unknown'];

/** What the replay of a letter would do, if it took place now and alone. */
export interface ReplayPrediction {
  readonly letter: DeadLetterSummary;
  readonly effect: ReplayEffect;
  /** Why, in words. */
  readonly reason: string;
  /** Whether the body keeps its contract, and what it breaks otherwise. */
  readonly schema: 'valid' | { readonly error: string };
  /** The state of the saga; `none` where there is none. */
  readonly saga: PossibleState;
  /** The state of the saga and those it would pass through by itself; empty where it would not change. */
  readonly transition: readonly PossibleState[];
  /** The status of the order; `none` where there is no such order, `unknown` where nobody answered. */
  readonly order: string;
}

/** A letter with what was found out about it. */
export interface KnownLetter {
  readonly message: IncomingMessage;
  readonly letter: DeadLetterSummary;
  readonly content: Content;
  readonly saga: SagaState | undefined;
  /** `undefined`: the order-service did not answer. */
  readonly answer: OrderInquiryAnswer | undefined;
  /** How its consumer would take it; `undefined` where that is not for this service to say. */
  readonly rehearsed: Rehearsed | undefined;
}

export type Content =
  | { readonly event: OrderMessage; readonly error?: never }
  | { readonly event?: never; readonly error: AppError };

export function readContent({ body }: IncomingMessage): Content {
  try {
    return { event: parseOrderMessage(body) };
  } catch (thrown) {
    return { error: toAppError(thrown) };
  }
}

/** Whether a replay brings the letter to the order-service's consumer. */
export function isReply(message: IncomingMessage): boolean {
  return destinationOf(message) === queues.orderProcessed;
}

export function predictReplay(known: KnownLetter): ReplayPrediction {
  const { letter, content, saga = 'none', rehearsed } = known;
  return {
    letter,
    schema: content.error ? { error: `${content.error.code}: ${content.error.message}` } : 'valid',
    saga,
    transition: rehearsed && rehearsed.states.length > 1 ? rehearsed.states : [],
    order: orderStatusOf(letter, known.answer),
    ...(rehearsed ? effectOfRehearsal(rehearsed) : effectElsewhere(known)),
  };
}

const replyKeys = workQueues.find(({ name }) => name === queues.orderProcessed)?.routingKeys ?? [];

type Effect = Pick<ReplayPrediction, 'effect' | 'reason'>;

function effectOfRehearsal(rehearsed: Rehearsed): Effect {
  const { states, saga } = rehearsed;
  switch (rehearsed.end) {
    case 'done': {
      if (states.length === 1)
        return { effect: 'none', reason: `dealt with already: the saga is ${states[0]}` };
      const why = saga?.state === 'failed' && saga.failure ? ` (${saga.failure.code})` : '';
      return { effect: 'goes_on', reason: `${states.join(' → ')}${why}` };
    }
    case 'asks':
      return {
        effect: 'goes_on',
        reason: `${states.join(' → ')}, then the payment provider: ${rehearsed.call}`,
      };
    case 'retried':
      return { effect: 'waits', reason: `${rehearsed.error.code}: ${rehearsed.error.message}` };
    case 'parked':
      return { effect: 'fails_again', reason: `${rehearsed.error.code}: ${rehearsed.error.message}` };
    default:
      return rehearsed satisfies never;
  }
}

/** What can be said about a message that another service's consumer takes, or nobody's. */
function effectElsewhere({ message, content, answer }: KnownLetter): Effect {
  if (!isReply(message)) {
    const way = `"${message.exchange}", routing key "${message.routingKey}"`;
    return { effect: 'fails_again', reason: `it is not sent: no queue takes ${way}` };
  }
  if (content.error) return { effect: 'fails_again', reason: content.error.code };
  if (!answer) return { effect: 'unknown', reason: 'the order-service did not answer' };
  const { id, subject, type, sequence } = content.event;
  if (!replyKeys.includes(routingKeyOf(type))) {
    return { effect: 'fails_again', reason: `UNSUPPORTED_MESSAGE: ${type} is no reply` };
  }
  if (answer.received.includes(id)) return { effect: 'none', reason: 'already taken account of' };
  const order = answer.orders.find((known) => known.id === subject);
  // It stands outside the sequence, and an unknown order does not matter to it.
  if (type === 'order.operator_acted.v1') return { effect: 'goes_on', reason: 'it enters the timeline' };
  if (!order) return { effect: 'fails_again', reason: `ORDER_NOT_FOUND: there is no order ${subject}` };
  const expected = order.processingSequence + 1;
  if (sequence < expected) return { effect: 'none', reason: 'older than what the order knows' };
  if (sequence > expected) {
    return {
      effect: 'waits',
      reason: `it is number ${sequence} of its order's replies, and number ${expected} comes first`,
    };
  }
  return { effect: 'goes_on', reason: `the order, now ${order.status}, takes account of it` };
}

function orderStatusOf({ orderId }: DeadLetterSummary, answer: OrderInquiryAnswer | undefined): string {
  if (orderId === undefined) return 'none';
  if (!answer) return 'unknown';
  return answer.orders.find(({ id }) => id === orderId.toLowerCase())?.status ?? 'none';
}
