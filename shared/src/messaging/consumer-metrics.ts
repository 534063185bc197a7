import { Counter, Histogram } from 'prom-client';
import { durationBuckets, waitingBuckets } from '../metrics/registry.ts';

/** What became of messages that were taken from a work queue. */
export const consumedMessages = new Counter({
  name: 'oms_messages_consumed_total',
  help: 'Messages by what became of them: handled, retried, parked, given up without a trace (done), or put back',
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
  help: 'From the event to the first attempt at its message: outbox and broker',
  labelNames: ['queue'],
  buckets: waitingBuckets,
});
