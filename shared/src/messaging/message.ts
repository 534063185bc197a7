import type { ConsumeMessage, GetMessage, Options } from 'amqplib';
import { cloudEventsContentType } from '../contracts/envelope.ts';
import { isTraceparent } from '../observability/trace-context.ts';

/** A message on its way to the broker. */
export interface OutgoingMessage {
  readonly exchange: string;
  readonly routingKey: string;
  readonly messageId: string;
  readonly type: string;
  readonly correlationId: string;
  readonly time: Date;
  /** The order that it is about, where there is one. */
  readonly orderId?: string | undefined;
  /** W3C Trace Context of what it was written by, if that is not the work at hand. */
  readonly traceparent?: string | undefined;
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly contentType?: string;
  readonly body: Buffer;
}

/** A message as it came from a queue. What a foreign producer left out is an empty string. */
export interface IncomingMessage {
  readonly queue: string;
  readonly messageId: string;
  readonly type: string;
  readonly correlationId: string;
  /** The order that it is about, if it says so where it need not be opened. */
  readonly orderId?: string | undefined;
  /** W3C Trace Context that work on it continues: of whoever sent it here, then of the work itself. */
  readonly traceparent?: string | undefined;
  /** When it was written, to the second: AMQP has no finer timestamps. */
  readonly time: Date | undefined;
  /** When it was published for the first time, if it says so. */
  readonly sentAt?: Date | undefined;
  readonly contentType: string;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: Buffer;
  /** Where it was published at first, whatever detours it took since. */
  readonly exchange: string;
  readonly routingKey: string;
  /** Attempts that failed and were counted, before this delivery. */
  readonly failedAttempts: number;
  /** How often an operator replayed it. */
  readonly replayCount: number;
  /** How often the broker delivered it before without getting an answer. */
  readonly unansweredDeliveries: number;
}

/** Our own headers. RabbitMQ 4 ignores an `x-death` that a client sends, so attempts are counted here. */
export const messageHeaders = {
  traceparent: 'traceparent',
  orderId: 'x-order-id',
  /** Milliseconds since 1970. */
  sentAt: 'x-sent-at',
  attempts: 'x-attempts',
  firstFailedAt: 'x-first-failed-at',
  failedAt: 'x-failed-at',
  errorCode: 'x-error-code',
  errorMessage: 'x-error-message',
  errorFrame: 'x-error-frame',
  originalExchange: 'x-original-exchange',
  originalRoutingKey: 'x-original-routing-key',
  originalQueue: 'x-original-queue',
  replayCount: 'x-replay-count',
  replayedBy: 'x-replayed-by',
  replayedAt: 'x-replayed-at',
  replayRun: 'x-replay-run',
  editedFrom: 'x-edited-from',
} as const;

const deliveryCountHeader = 'x-delivery-count';

/** Reads what the broker delivered from `queue`. Never fails: anybody may have written these headers. */
export function readMessage(queue: string, delivered: ConsumeMessage | GetMessage): IncomingMessage {
  const { fields, properties, content } = delivered;
  const headers: Record<string, unknown> = properties.headers ?? {};
  const death = lastDeath(headers);
  const { [messageHeaders.traceparent]: traceparent, [messageHeaders.orderId]: orderId } = headers;
  return {
    queue,
    messageId: text(properties.messageId),
    type: text(properties.type),
    correlationId: text(properties.correlationId),
    orderId: typeof orderId === 'string' ? orderId : undefined,
    traceparent: isTraceparent(traceparent) ? traceparent : undefined,
    time: timeOf(properties.timestamp),
    sentAt: plainTime(Number(headers[messageHeaders.sentAt] ?? Number.NaN)),
    contentType: text(properties.contentType),
    headers,
    body: content,
    exchange: text(headers[messageHeaders.originalExchange] ?? death.exchange ?? fields.exchange),
    routingKey: text(headers[messageHeaders.originalRoutingKey] ?? death.routingKey ?? fields.routingKey),
    failedAttempts: count(headers[messageHeaders.attempts]),
    replayCount: count(headers[messageHeaders.replayCount]),
    unansweredDeliveries: count(headers[deliveryCountHeader]),
  };
}

/** What the broker wrote down when it last dead-lettered a message by itself. */
export function lastDeath(headers: Readonly<Record<string, unknown>>): {
  readonly exchange?: string;
  readonly routingKey?: string;
  readonly reason?: string;
  readonly at?: Date;
} {
  const deaths = headers['x-death'];
  const last: unknown = Array.isArray(deaths) ? deaths[0] : undefined;
  if (typeof last !== 'object' || last === null) return {};
  const { exchange, reason, time, 'routing-keys': keys } = last as Record<string, unknown>;
  const at = timeOf((time as { value?: unknown } | null | undefined)?.value);
  const routingKey: unknown = Array.isArray(keys) ? keys[0] : undefined;
  return {
    ...(typeof exchange === 'string' ? { exchange } : {}),
    ...(typeof routingKey === 'string' ? { routingKey } : {}),
    ...(typeof reason === 'string' ? { reason } : {}),
    ...(at ? { at } : {}),
  };
}

/** AMQP properties of a message: everything a tool needs without opening the body. */
export function publishOptions(message: OutgoingMessage): Options.Publish {
  return {
    messageId: message.messageId,
    type: message.type,
    correlationId: message.correlationId,
    timestamp: Math.floor(message.time.getTime() / 1000),
    contentType: message.contentType ?? cloudEventsContentType,
    headers: message.headers ?? {},
    persistent: true,
    mandatory: true,
  };
}

/** From seconds since 1970; `undefined` for what is no time that everybody can write down. */
function timeOf(seconds: unknown): Date | undefined {
  return seconds === null ? undefined : plainTime(Number(seconds) * 1000);
}

function plainTime(milliseconds: number): Date | undefined {
  return isPlainTime(milliseconds) ? new Date(milliseconds) : undefined;
}

const firstYear = Date.UTC(1, 0);
const lastYear = Date.UTC(9999, 11, 31);

/** Whether the time, in milliseconds since 1970, has a year of four digits, as ISO 8601 and databases want it. */
export function isPlainTime(milliseconds: number): boolean {
  return milliseconds >= firstYear && milliseconds <= lastYear;
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** More than anybody has counted, and what the database has room for. */
const largestCount = 1_000_000_000;

function count(value: unknown): number {
  const number = Number(value);
  return Number.isSafeInteger(number) && number > 0 ? Math.min(number, largestCount) : 0;
}
