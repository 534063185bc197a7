import type { Check } from '#shared/audit/check.ts';
import { mayBeForgotten } from '#shared/audit/outbox-entry.ts';
import type { SagaEvidence } from '../ports/saga-evidence.ts';
import { endingIn, tells } from './replies.ts';

export const endsAreAnnounced: Check<SagaEvidence> = {
  invariant: 'I12',
  compares: 'each saga that has ended with the last final reply it announced',
  *flaws({ saga, announced }, terms) {
    if (!saga || !['completed', 'failed', 'cancelled', 'refunded'].includes(saga.state)) return;
    const { state: end, failure } = saga;
    const last = announced.flatMap((entry) => endingIn(entry) ?? []).at(-1);
    if (last ? !tells(last, { end, failure }) : !mayBeForgotten(saga.startedAt, terms))
      yield `is ${end} and announced ${last ? `that it is ${last.end}` : 'no end'}`;
  },
};
