import { deadLetterQueueOf, workQueues } from '#shared/contracts/topology.ts';
import type { DeadLetterSummary } from './dead-letter.ts';

/**
 * Which dead letters are meant: those that every given part of it holds for. Plain JSON, so that it can be stored and
 * sent as it is.
 */
export interface Selection {
  /** Where to look, in this order. */
  readonly queues: readonly string[];
  readonly ids?: readonly string[] | undefined;
  readonly types?: readonly string[] | undefined;
  readonly errorCodes?: readonly string[] | undefined;
  readonly orderId?: string | undefined;
  readonly fingerprint?: string | undefined;
  /** ISO 8601, inclusive. A letter of which nobody knows when it was given up is neither after nor before. */
  readonly failedAfter?: string | undefined;
  /** ISO 8601, exclusive. */
  readonly failedBefore?: string | undefined;
}

export const allDeadLetterQueues: readonly string[] = workQueues.map(({ name }) => deadLetterQueueOf(name));

/** Whether a letter is meant, as far as the letter itself is concerned: where it lies is for whoever looks. */
export function matches(selection: Selection, letter: DeadLetterSummary): boolean {
  const { ids, types, errorCodes, orderId, fingerprint, failedAfter, failedBefore } = selection;
  const failedAt = Date.parse(letter.failedAt ?? '');
  return (
    isAmong(ids, letter.id) &&
    isAmong(types, letter.type) &&
    isAmong(errorCodes, letter.errorCode) &&
    (orderId === undefined || orderId.toLowerCase() === letter.orderId?.toLowerCase()) &&
    (fingerprint === undefined || fingerprint === letter.fingerprint) &&
    (failedAfter === undefined || failedAt >= Date.parse(failedAfter)) &&
    (failedBefore === undefined || failedAt < Date.parse(failedBefore))
  );
}

function isAmong(wanted: readonly string[] | undefined, value: string): boolean {
  return wanted === undefined || wanted.includes(value);
}
