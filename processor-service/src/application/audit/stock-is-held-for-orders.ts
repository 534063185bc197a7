import type { Check } from '#shared/audit/check.ts';
import type { SagaState } from '../../domain/saga.ts';
import type { SagaEvidence } from '../ports/saga-evidence.ts';
import { listOf } from './saga-standing.ts';

/** How the reservations of a saga stand; of a failed run they stay, released. */
const reservationIn: Readonly<Record<SagaState, string>> = {
  started: 'released',
  awaiting_payment: 'open',
  reserved: 'open',
  compensating: 'open',
  needs_attention: 'open',
  completed: 'shipped',
  failed: 'released',
  cancelled: 'released',
  refunded: 'returned',
};

export const stockIsHeldForOrders: Check<SagaEvidence> = {
  invariant: 'I5',
  compares: 'the reservations of each saga with its state and with what was ordered',
  *flaws({ saga, reservations }) {
    if (!saga) return;
    const { state, lines } = saga;
    const right = reservationIn[state];
    if (reservations.some((line) => line.state !== right))
      yield `is ${state} and has stock ${reservations.map((line) => line.state).join(', ')}`;
    const mayHaveNone = right === 'released';
    if (!(mayHaveNone && reservations.length === 0) && listOf(reservations) !== listOf(lines))
      yield `got ${listOf(reservations) || 'nothing'} instead of ${listOf(lines)}`;
  },
};
