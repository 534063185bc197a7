import type { Check } from '#shared/audit/check.ts';
import type { SagaEvidence } from '../ports/saga-evidence.ts';

export const sagasExist: Check<SagaEvidence> = {
  invariant: 'I1',
  compares: 'outbox and reservations with the sagas they name',
  *flaws({ saga, announced, reservations }) {
    if (saga) return;
    // Reports about operators may be about orders that nobody has begun to process.
    if (announced.some(({ type }) => type !== 'order.operator_acted.v1')) yield 'has replies and no saga';
    if (reservations.length > 0) yield 'has stock reserved and no saga';
  },
};
