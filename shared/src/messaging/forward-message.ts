import { type IncomingMessage, messageHeaders, type OutgoingMessage } from './message.ts';

/** Headers in which the broker keeps its own books; a copy starts without them. */
const brokerHeader = /^x-(delivery-count|acquired-count|death|first-death-.*|last-death-.*)$/;

/** The same message, to be published again somewhere else: same id, same body, with more headers. */
export function forward(
  message: IncomingMessage,
  target: { exchange: string; routingKey: string; headers: Readonly<Record<string, unknown>> },
): OutgoingMessage {
  return {
    exchange: target.exchange,
    routingKey: target.routingKey,
    messageId: message.messageId,
    type: message.type,
    correlationId: message.correlationId,
    time: message.time ?? new Date(),
    orderId: message.orderId,
    contentType: message.contentType,
    headers: { ...ownHeaders(message), ...target.headers },
    body: message.body,
  };
}

/**
 * A dead letter as it goes back to where it was published at first: same id and body, attempts counted anew.
 *
 * @param replay.runId the replay of several letters that it is part of
 */
export function toReplay(
  message: IncomingMessage,
  replay: { by: string; at: Date; runId?: string | undefined },
): OutgoingMessage {
  const diagnostics = new Set<string>([
    messageHeaders.attempts,
    messageHeaders.firstFailedAt,
    messageHeaders.failedAt,
    messageHeaders.errorCode,
    messageHeaders.errorMessage,
    messageHeaders.errorFrame,
    ...(replay.runId === undefined ? [messageHeaders.replayRun] : []),
  ]);
  const copy = forward(message, {
    exchange: message.exchange,
    routingKey: message.routingKey,
    headers: {
      [messageHeaders.replayCount]: message.replayCount + 1,
      [messageHeaders.replayedBy]: replay.by,
      [messageHeaders.replayedAt]: replay.at.toISOString(),
      ...(replay.runId === undefined ? {} : { [messageHeaders.replayRun]: replay.runId }),
    },
  });
  const headers = Object.entries(copy.headers ?? {}).filter(([name]) => !diagnostics.has(name));
  return { ...copy, headers: Object.fromEntries(headers) };
}

function ownHeaders(message: IncomingMessage): Record<string, unknown> {
  return Object.fromEntries(Object.entries(message.headers).filter(([name]) => !brokerHeader.test(name)));
}
