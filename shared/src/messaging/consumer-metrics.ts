import { Counter, Histogram } from 'prom-client';
import type { AppError } from '../kernel/errors.ts';
import { durationBuckets, waitingBuckets } from '../metrics/registry.ts';

/** What became of a message; `done`: given up, and no trace of it needed in the dead-letter queue. */
export type Outcome = 'handled' | 'duplicate' | 'retried' | 'parked' | 'done' | 'put back';

/** Messages that were taken from a work queue. A code is one of `ErrorCode`. */
const consumedMessages = new Counter({
  name: 'oms_messages_consumed_total',
  help: 'Messages by what became of them, once that is certain: handled, duplicate, retried, parked, given up without a trace (done), or put back; with the code of the error',
  labelNames: ['queue', 'outcome', 'code'],
});

/** Counts a message of `queue` once it is certain what became of it, and because of which error. */
export function countConsumed(queue: string, outcome: Outcome, error?: AppError): void {
  consumedMessages.inc({ queue, outcome, code: error?.code ?? '' });
}

export const handlingDuration = new Histogram({
  name: 'oms_message_handling_seconds',
  help: 'How long an attempt at a message takes',
  labelNames: ['queue'],
  buckets: durationBuckets,
});

export const waitingDuration = new Histogram({
  name: 'oms_message_waiting_seconds',
  help: 'From the publication of a message to the first attempt at it: the time in the broker',
  labelNames: ['queue'],
  buckets: waitingBuckets,
});
