import type { Check } from '#shared/audit/check.ts';
import { countsUpTo } from '#shared/audit/outbox-entry.ts';
import type { OrderEvidence } from '../ports/order-evidence.ts';

/** Two machines may disagree about the time by so much before it looks like another order of things. */
const clockDifferenceMs = 5_000;

export const messagesTakeEffectInOrder: Check<OrderEvidence> = {
  invariant: 'I8',
  compares: 'the sequences of what came in and went out with those each order counts',
  *flaws({ order, inbox, announced }) {
    if (!order) return;
    const { processingSequence, eventSequence } = order;
    if (!countsUpTo(eventSequence, announced)) yield 'was announced with gaps';
    if (inbox.length !== processingSequence || !countsUpTo(processingSequence, inbox))
      yield `counts ${processingSequence} replies and received ${inbox.length}`;
    const isLate = inbox.some(
      ({ receivedAt }, index) => receivedAt + clockDifferenceMs < (inbox[index - 1]?.receivedAt ?? 0),
    );
    if (isLate) yield 'took account of a later reply before an earlier one';
  },
};
