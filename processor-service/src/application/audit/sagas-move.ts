import type { Check } from '#shared/audit/check.ts';
import type { SagaEvidence } from '../ports/saga-evidence.ts';
import { hasEnded, waitsForOperator } from './saga-standing.ts';

/** How soon a saga has to move once its deadline is past. */
export const overdueAfterMs = 30_000;

export const sagasMove: Check<SagaEvidence> = {
  invariant: 'I11',
  compares: 'the state of each saga with its deadline',
  *flaws({ saga }, { at }) {
    // A saga that waits for an operator is in order: its state says so, and metrics tell of it.
    if (!saga || waitsForOperator(saga)) return;
    const { state, deadlineAt } = saga;
    if (hasEnded(saga)) {
      if (deadlineAt !== null) yield `is ${state} and has a deadline`;
    } else if (deadlineAt === null) yield `is ${state} and has no deadline`;
    else if (at - deadlineAt > overdueAfterMs)
      yield `is ${state} and should have moved at ${new Date(deadlineAt).toISOString()}`;
  },
};
