import { deadLetterRoutingKeyOf, exchanges, retryExchangeOf } from '../contracts/topology.ts';
import { AppError } from '../kernel/errors.ts';
import { ownFrame } from '../kernel/own-frame.ts';
import { forward } from './forward-message.ts';
import { type IncomingMessage, messageHeaders, type OutgoingMessage } from './message.ts';

/** What a consumer does with a message whose handler failed. */
export type Disposition =
  /** Keep it, wait, and handle it again: something that everyone needs is away, and attempts are not burnt. */
  | { readonly action: 'hold' }
  /** The same, but behind all others: it may itself be what made that look away. */
  | { readonly action: 'step back' }
  /** Up the ladder: come back after `delayMs`. */
  | { readonly action: 'retry'; readonly delayMs: number }
  /** Into the dead-letter queue. `exhausted`: it was worth retrying, and the ladder has no rung left. */
  | { readonly action: 'park'; readonly exhausted: boolean };

/**
 * Decides by the kind of the error; `delaysMs` are the rungs of the ladder. Of what is away, `wasTried` among the facts of the
 * error says that this very message was what it was tried with.
 */
export function disposeOf(error: AppError, failedAttempts: number, delaysMs: readonly number[]): Disposition {
  const { kind, data } = error;
  switch (kind) {
    case 'unavailable':
      return { action: data['wasTried'] === true ? 'step back' : 'hold' };
    case 'transient':
    case 'conflict': {
      const delayMs = delaysMs[failedAttempts];
      return delayMs === undefined ? { action: 'park', exhausted: true } : { action: 'retry', delayMs };
    }
    case 'rejected':
    case 'permanent':
      return { action: 'park', exhausted: false };
    default:
      return kind satisfies never;
  }
}

/** A message that came back unanswered this often may be what ends the process. */
const suspectAfter = 3;
/** After this many times it is, if it was its turn each time. Well before the broker's own delivery limit. */
const poisonousAfter = 12;

/** Whether a message has to be handled while no other suspect is. */
export function isSuspect(message: IncomingMessage): boolean {
  return message.unansweredDeliveries >= suspectAfter;
}

/** Whether a suspect that was the first to be handled each time is to be given up. */
export function isPoisonous(message: IncomingMessage): boolean {
  return message.unansweredDeliveries >= poisonousAfter;
}

export function poison(message: IncomingMessage): AppError {
  return new AppError({
    code: 'POISON_MESSAGE',
    kind: 'permanent',
    message: `delivered ${message.unansweredDeliveries} times without an answer`,
  });
}

/** The message as it climbs to the rung with `delayMs`; the queue's name as routing key brings it back. */
export function toRetry(
  message: IncomingMessage,
  error: AppError,
  delayMs: number,
  now: Date,
): OutgoingMessage {
  return forward(message, {
    exchange: retryExchangeOf(delayMs),
    routingKey: message.queue,
    headers: diagnostics(message, error, now),
  });
}

/** The message as it comes back by way of the rung with `delayMs` without having failed. */
export function toQueueAgain(message: IncomingMessage, delayMs: number): OutgoingMessage {
  return forward(message, {
    exchange: retryExchangeOf(delayMs),
    routingKey: message.queue,
    headers: origin(message),
  });
}

/** The message as it comes to rest in the dead-letter queue, with everything an operator asks first. */
export function toDeadLetter(message: IncomingMessage, error: AppError, now: Date): OutgoingMessage {
  return forward(message, {
    exchange: exchanges.deadLetters,
    routingKey: deadLetterRoutingKeyOf(message.queue),
    headers: diagnostics(message, error, now),
  });
}

const longestErrorMessage = 1_000;

function diagnostics(message: IncomingMessage, error: AppError, now: Date): Record<string, unknown> {
  return {
    [messageHeaders.attempts]: message.failedAttempts + 1,
    [messageHeaders.firstFailedAt]: message.headers[messageHeaders.firstFailedAt] ?? now.toISOString(),
    [messageHeaders.failedAt]: now.toISOString(),
    [messageHeaders.errorCode]: error.code,
    [messageHeaders.errorMessage]: error.message.slice(0, longestErrorMessage),
    [messageHeaders.errorFrame]: ownFrame(error),
    ...origin(message),
  };
}

function origin(message: IncomingMessage): Record<string, unknown> {
  return {
    [messageHeaders.originalExchange]: message.exchange,
    [messageHeaders.originalRoutingKey]: message.routingKey,
    [messageHeaders.originalQueue]: message.queue,
  };
}
