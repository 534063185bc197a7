import { Counter, Histogram } from 'prom-client';
import { durationBuckets, waitingBuckets } from '../metrics/registry.ts';

/** What became of a message; `done`: given up, and no trace of it needed in the dead-letter queue. */
export type Outcome = 'handled' | 'duplicate' | 'retried' | 'parked' | 'done' | 'put back';

/** Messages that were taken from a work queue. A code is one of `ErrorCode`. */
export const consumedMessages = new Counter({
  name: 'oms_messages_consumed_total',
  help: 'Messages by what became of them, once that is certain: handled, duplicate, retried, parked, given up without a trace (done), or put back; with the code of the error',
  labelNames: ['queue', 'outcome', 'code'],
});

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
