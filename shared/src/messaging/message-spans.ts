import { traceIdOf, traceparentIn } from '../observability/trace-context.ts';
import { beginSpan, inSpan, isRecording, SpanKind, type WorkSpan } from '../observability/tracing.ts';
import { type IncomingMessage, messageHeaders, type OutgoingMessage } from './message.ts';

/**
 * Begins the sending of a message, and gives the message as it has to be sent: its header tells the receiver what to
 * continue. Its body keeps saying what the event was written by, however often it is sent again, as the extension for
 * tracing of CloudEvents wants it.
 */
export function beginPublication(message: OutgoingMessage): { span: WorkSpan; traced: OutgoingMessage } {
  const { exchange, routingKey, traceparent: parent, orderId } = message;
  const span = beginSpan(
    `publish ${exchange}:${routingKey}`,
    isRecording()
      ? {
          kind: SpanKind.PRODUCER,
          parent,
          attributes: {
            ...attributesOf(message),
            'messaging.operation.type': 'send',
            'messaging.operation.name': 'publish',
            'messaging.destination.name': `${exchange}:${routingKey}`,
          },
        }
      : { parent },
  );
  const headers = {
    ...message.headers,
    ...(span.traceparent === undefined ? {} : { [messageHeaders.traceparent]: span.traceparent }),
    ...(orderId === undefined ? {} : { [messageHeaders.orderId]: orderId }),
  };
  return { span, traced: { ...message, headers } };
}

/** What a log line tells of a message that was sent, on behalf of whomever. */
export function factsOf(
  message: OutgoingMessage,
  { traceparent }: WorkSpan,
): Readonly<Record<string, unknown>> {
  const { messageId, type, correlationId, orderId, exchange, routingKey } = message;
  const traceId = traceparent && traceIdOf(traceparent);
  return { messageId, type, correlationId, orderId, traceId, exchange, routingKey };
}

/**
 * Works on a message in a span of its own. The first time it continues whoever sent it; a retry and a replay are part of
 * the event's own trace still, and have a link to what brought them about: the attempt that failed, or the operator.
 */
export function inProcessing<T>(
  message: IncomingMessage,
  work: (message: IncomingMessage, span: WorkSpan) => Promise<T>,
): Promise<T> {
  if (!isRecording()) {
    return inSpan('process', { parent: message.traceparent, isRoot: true }, (span) => work(message, span));
  }
  const { exchange, routingKey, queue, failedAttempts, replayCount, traceparent: sender } = message;
  const isRepeated = failedAttempts > 0 || replayCount > 0;
  const event = isRepeated ? traceparentIn(message.body) : undefined;
  const description = {
    kind: SpanKind.CONSUMER,
    parent: event ?? sender,
    isRoot: true,
    links: isRepeated ? [sender] : [],
    attributes: {
      ...attributesOf(message),
      'messaging.operation.type': 'process',
      'messaging.operation.name': 'process',
      'messaging.destination.name': `${exchange}:${routingKey}:${queue}`,
      'oms.message.attempt': failedAttempts + 1,
      'oms.message.replays': replayCount,
    },
  };
  return inSpan(`process ${queue}`, description, (span) =>
    work({ ...message, traceparent: span.traceparent }, span),
  );
}

/** https://opentelemetry.io/docs/specs/semconv/messaging/rabbitmq/ */
function attributesOf(message: OutgoingMessage | IncomingMessage) {
  const { messageId, correlationId, type, orderId, routingKey, body } = message;
  return {
    'messaging.system.name': 'rabbitmq',
    'messaging.rabbitmq.destination.routing_key': routingKey,
    'messaging.message.id': messageId,
    'messaging.message.conversation_id': correlationId,
    'messaging.message.body.size': body.length,
    'oms.message.type': type,
    ...(orderId === undefined ? {} : { 'oms.order.id': orderId }),
  };
}
