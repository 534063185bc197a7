import { createHash } from 'node:crypto';
import { isUuid } from '#shared/kernel/ids.ts';
import type { IncomingMessage } from '#shared/messaging/message.ts';
import type { IntendedAction, OriginalLetter } from '../ports/operator-actions.ts';
import { summarize } from './dead-letter.ts';

/** What the audit says about the letter of an action. */
export function aboutLetter(
  message: IncomingMessage,
): Pick<IntendedAction, 'letter' | 'orderId' | 'type' | 'errorCode' | 'fingerprint'> {
  const { id: messageId, queue, type, orderId, errorCode, fingerprint, failedAt } = summarize(message);
  return {
    letter: {
      messageId,
      queue,
      replayCount: message.replayCount + 1,
      failedAt: failedAt === undefined ? null : new Date(failedAt),
      digest: digestOf(message),
    },
    // A foreign message may name anything as its subject.
    orderId: orderId !== undefined && isUuid(orderId) ? orderId : undefined,
    type,
    errorCode,
    fingerprint,
  };
}

function digestOf({ exchange, routingKey, body }: IncomingMessage): string {
  return createHash('sha256')
    .update(JSON.stringify([exchange, routingKey]))
    .update(body)
    .digest('hex')
    .slice(0, 32);
}

/** The letter as it is, to be kept where it will be gone. */
export function originalOf({ headers, body }: IncomingMessage): OriginalLetter {
  const text = body.toString('utf8');
  return Buffer.from(text).equals(body) && !text.includes('\u0000')
    ? { headers, body: text, encoding: 'utf8' }
    : { headers, body: body.toString('base64'), encoding: 'base64' };
}
