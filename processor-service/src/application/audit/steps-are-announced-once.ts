import type { Check } from '#shared/audit/check.ts';
import { turnOf } from '#shared/audit/outbox-entry.ts';
import type { SagaEvidence } from '../ports/saga-evidence.ts';
import { inSequence } from './replies.ts';

/** A run announces everything once, and what is about a refund once for each. */
export const stepsAreAnnouncedOnce: Check<SagaEvidence> = {
  invariant: 'I7',
  compares: 'the announcements of each run of a saga with each other',
  *flaws({ announced }) {
    const turns = Map.groupBy(inSequence(announced), ({ type, payload }) => `${type} ${turnOf(payload)}`);
    for (const [first, ...more] of turns.values())
      if (more.length > 0) yield `announced ${first?.type} twice in one run`;
  },
};
