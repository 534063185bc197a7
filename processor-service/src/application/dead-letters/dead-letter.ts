import { createHash } from 'node:crypto';
import { unknownFrame } from '#shared/kernel/own-frame.ts';
import { type IncomingMessage, isPlainTime, lastDeath, messageHeaders } from '#shared/messaging/message.ts';
import { type FailureKind, fingerprintOf } from './fingerprint.ts';

/** A dead letter at a glance. Times are ISO 8601; whatever nobody wrote down is `undefined`. */
export interface DeadLetterSummary extends FailureKind {
  /** The message id, or a digest of the body where there is none. */
  readonly id: string;
  /** The order it is about, where the body says so; a foreign message may say anything. */
  readonly orderId: string | undefined;
  readonly errorMessage: string;
  readonly fingerprint: string;
  /** Attempts that failed since it was published or replayed. */
  readonly attempts: number;
  readonly replayCount: number;
  /** The run that sent it back the last time. */
  readonly replayRun: string | undefined;
  /** Id of the message whose place it took. */
  readonly editedFrom: string | undefined;
  readonly firstFailedAt: string | undefined;
  /** When it was given up. */
  readonly failedAt: string | undefined;
}

/** Reads what an operator wants to know first. Never fails: anybody may have written the message. */
export function summarize(message: IncomingMessage): DeadLetterSummary {
  const { queue, type, failedAttempts: attempts, replayCount, headers } = message;
  const { reason, at: diedAt } = lastDeath(headers);
  const header = (name: string): string | undefined => {
    const value = headers[name];
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  const kind = {
    queue,
    type,
    errorCode: header(messageHeaders.errorCode) ?? reason?.toUpperCase() ?? 'UNKNOWN',
    frame: header(messageHeaders.errorFrame) ?? unknownFrame,
  };
  return {
    id: idOf(message),
    ...kind,
    fingerprint: fingerprintOf(kind),
    orderId: subjectOf(message.body),
    errorMessage:
      header(messageHeaders.errorMessage) ?? (reason ? 'the broker gave it up' : 'it carries no diagnostics'),
    attempts,
    replayCount,
    replayRun: header(messageHeaders.replayRun),
    editedFrom: header(messageHeaders.editedFrom),
    firstFailedAt: instant(header(messageHeaders.firstFailedAt)),
    failedAt: instant(header(messageHeaders.failedAt)) ?? diedAt?.toISOString(),
  };
}

/** What a letter is called: its message id, or a digest of the body where there is none. */
export function idOf({ messageId, body }: Pick<IncomingMessage, 'messageId' | 'body'>): string {
  return messageId || `sha256-${createHash('sha256').update(body).digest('hex').slice(0, 16)}`;
}

function instant(text: string | undefined): string | undefined {
  const time = Date.parse(text ?? '');
  return isPlainTime(time) ? new Date(time).toISOString() : undefined;
}

function subjectOf(body: Buffer): string | undefined {
  try {
    const { subject } = JSON.parse(body.toString('utf8')) as { subject?: unknown };
    return typeof subject === 'string' ? subject : undefined;
  } catch {
    // Rubbish is exactly what lies here now and then.
    return undefined;
  }
}
