import type { Check } from '#shared/audit/check.ts';
import { countsUpTo, mayBeForgotten } from '#shared/audit/outbox-entry.ts';
import type { SagaEvidence } from '../ports/saga-evidence.ts';
import { inSequence } from './replies.ts';

export const repliesAreNumbered: Check<SagaEvidence> = {
  invariant: 'I8',
  compares: 'the sequences of the announcements of each saga with the one it counts',
  *flaws({ saga, announced }, terms) {
    if (!saga) return;
    const replies = inSequence(announced);
    const { eventSequence, startedAt } = saga;
    const mayMiss = mayBeForgotten(startedAt, terms);
    if (!countsUpTo(eventSequence, replies) || (replies.length < eventSequence && !mayMiss))
      yield `announced ${replies.map(({ sequence }) => sequence).join(', ') || 'nothing'} and counts ${eventSequence}`;
  },
};
