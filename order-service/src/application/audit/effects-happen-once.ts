import type { Check } from '#shared/audit/check.ts';
import { mayBeForgotten } from '#shared/audit/outbox-entry.ts';
import type { OrderEvidence } from '../ports/order-evidence.ts';

/** What a message from the processor does to the history of an order. */
const eventsOf: Readonly<Record<string, readonly string[]>> = {
  'order.reserved.v1': ['reserved'],
  'order.paid.v1': ['paid'],
  'order.processed.v1': ['completed', 'failed'],
  'order.cancelled.v1': ['cancelled'],
  'order.cancel_rejected.v1': ['cancellationRejected'],
  'order.refunded.v1': ['partiallyRefunded', 'refunded'],
  'order.refund_rejected.v1': ['refundRejected'],
};
const fromProcessor: readonly string[] = Object.values(eventsOf).flat();

/** What is told to the processor about the other events. */
const messageOf: Readonly<Record<string, string>> = {
  placed: 'order.created.v1',
  paymentRequested: 'order.payment_requested.v1',
  cancellationRequested: 'order.cancel_requested.v1',
  refundRequested: 'order.refund_requested.v1',
};

/** One change for each message that was applied, and one message for each change that the processor has to know. */
export const effectsHappenOnce: Check<OrderEvidence> = {
  invariant: 'I7',
  compares: 'the history of each order with the messages that came in and went out',
  *flaws({ order, history, inbox, announced }, terms) {
    if (!order) return;
    const caused = history.filter(({ type }) => fromProcessor.includes(type));
    const applied = inbox.filter(({ outcome }) => outcome === 'applied');
    const matches = caused.every((event, index) =>
      eventsOf[applied[index]?.type ?? '']?.includes(event.type),
    );
    if (!matches || caused.length !== applied.length)
      yield `changed ${caused.length} times for ${applied.length} messages`;
    const due = history.filter(({ type }) => type in messageOf);
    const forgotten = due.filter(({ occurredAt }) => mayBeForgotten(occurredAt, terms)).length;
    const expected = due.map(({ type }) => messageOf[type]);
    const told = announced.map(({ type }) => type);
    const missing = expected.length - told.length;
    if (missing < 0 || missing > forgotten || expected.slice(missing).join() !== told.join())
      yield `was announced by ${told.join(', ') || 'nothing'} instead of ${expected.join(', ')}`;
  },
};
