import type { Evidence, OutboxEntry } from '../evidence.ts';
import type { Flaws } from './finding.ts';
import { turnOf } from './message-bodies.ts';

/** Operators are reported outside of the sequence of an order, and change nothing about it. */
export const standsOutside = ({ type }: { type: string }): boolean => type === 'order.operator_acted.v1';

export function* publishedIsCommitted({ announced, replied, tapped, edited }: Evidence): Flaws {
  const committed = new Map([...announced, ...replied].map((row) => [row.messageId, row]));
  const published = new Set(tapped.map(({ messageId }) => messageId));
  for (const { messageId, orderId, type } of committed.values())
    if (!published.has(messageId))
      yield { subject: orderId, what: `committed ${type} and never published it` };
  for (const { messageId, subject, type, body } of tapped) {
    if (edited.has(messageId)) continue;
    const row = committed.get(messageId);
    if (!row) yield { subject, what: `published ${type} and never committed it` };
    else if (row.payload !== body)
      yield { subject, what: `published ${type} otherwise than it was committed` };
  }
}

/** What a message from the processor does to the history of an order. */
export const eventOf: Readonly<Record<string, readonly string[]>> = {
  'order.reserved.v1': ['reserved'],
  'order.paid.v1': ['paid'],
  'order.processed.v1': ['completed', 'failed'],
  'order.cancelled.v1': ['cancelled'],
  'order.cancel_rejected.v1': ['cancellationRejected'],
  'order.refunded.v1': ['partiallyRefunded', 'refunded'],
  'order.refund_rejected.v1': ['refundRejected'],
};
const fromProcessor: readonly string[] = Object.values(eventOf).flat();

/** What is told to the processor about the other events. */
const messageOf: Readonly<Record<string, string>> = {
  placed: 'order.created.v1',
  paymentRequested: 'order.payment_requested.v1',
  cancellationRequested: 'order.cancel_requested.v1',
  refundRequested: 'order.refund_requested.v1',
};

export function* effectsHappenOnce({ orders, history, inbox, announced, replied, sagas }: Evidence): Flaws {
  const eventsOf = Map.groupBy(history, ({ orderId }) => orderId);
  const announcedAbout = Map.groupBy(announced, ({ orderId }) => orderId);
  const appliedTo = Map.groupBy(
    inbox.filter(({ outcome }) => outcome === 'applied'),
    ({ orderId }) => orderId,
  );
  for (const { id } of orders) {
    const events = eventsOf.get(id) ?? [];
    const caused = events.filter(({ type }) => fromProcessor.includes(type));
    const applied = appliedTo.get(id) ?? [];
    const matches = caused.every((event, index) => eventOf[applied[index]?.type ?? '']?.includes(event.type));
    if (!matches || caused.length !== applied.length)
      yield { subject: id, what: `changed ${caused.length} times for ${applied.length} messages` };
    const due = events.flatMap(({ type }) => messageOf[type] ?? []).join(', ');
    const told = (announcedAbout.get(id) ?? []).map(({ type }) => type).join(', ');
    if (told !== due) yield { subject: id, what: `was announced by ${told} instead of ${due}` };
  }
  // A run announces everything once, and what is about a refund once for each.
  const perRun = Map.groupBy(
    replied.filter((row) => !standsOutside(row)),
    ({ orderId, type, payload }) => `${orderId} ${type} ${turnOf(payload)}`,
  );
  for (const rows of perRun.values())
    if (rows.length > 1)
      yield { subject: rows[0]?.orderId ?? '', what: `announced ${rows[0]?.type} twice in one run` };
  for (const [id, rows] of Map.groupBy(sagas, ({ orderId }) => orderId))
    if (rows.length > 1) yield { subject: id, what: 'has several sagas' };
}

export function* eventsTakeEffectInOrder(evidence: Evidence): Flaws {
  const { orders, inbox, announced, sagas, tapped } = evidence;
  const replied = evidence.replied.filter((row) => !standsOutside(row));
  const counted = (rows: readonly { sequence: number }[]): boolean =>
    rows.every(({ sequence }, index) => sequence === index + 1);
  const inboxOf = Map.groupBy(inbox, ({ orderId }) => orderId);
  const announcedAbout = Map.groupBy(announced, ({ orderId }) => orderId);
  const repliesTo = Map.groupBy(replied, ({ orderId }) => orderId);
  const sagaOf = new Map(sagas.map((saga) => [saga.orderId, saga]));
  const sequencesOf = (rows: readonly OutboxEntry[]) =>
    new Map(rows.map(({ messageId, sequence }) => [messageId, sequence]));
  const streams = [sequencesOf(announced), sequencesOf(replied)];
  const tappedAbout = Map.groupBy(tapped, ({ subject }) => subject);
  for (const { id, processingSequence, eventSequence } of orders) {
    const announcements = announcedAbout.get(id) ?? [];
    if (!counted(announcements) || announcements.length !== eventSequence)
      yield { subject: id, what: 'was announced with gaps' };
    const received = inboxOf.get(id) ?? [];
    const replies = repliesTo.get(id) ?? [];
    if (!counted(replies) || replies.length !== (sagaOf.get(id)?.eventSequence ?? 0))
      yield { subject: id, what: 'was replied to with gaps' };
    if (!counted(received) || received.length !== processingSequence)
      yield { subject: id, what: `counts ${processingSequence} replies and received ${received.length}` };
    if (
      received.some(({ receivedAt }, index) => receivedAt < (received[index - 1]?.receivedAt ?? receivedAt))
    )
      yield { subject: id, what: 'took account of a later reply before an earlier one' };
    // Only the first of each: what a crash leaves unmarked is published again, after later ones perhaps.
    for (const sequenceOf of streams) {
      const published = (tappedAbout.get(id) ?? []).map(({ messageId }) => sequenceOf.get(messageId) ?? 0);
      const first = [...new Set(published.filter((sequence) => sequence > 0))];
      if (!counted(first.map((sequence) => ({ sequence }))))
        yield { subject: id, what: `was published in the order ${first.join(', ')}` };
    }
  }
}
