import type { Check } from '#shared/audit/check.ts';
import type { WholeStockEvidence } from '../witnesses/processor-database.ts';

export const stockMatchesReservations: Check<WholeStockEvidence> = {
  invariant: 'I5',
  compares: 'the counts of each SKU with each other and with all reservations there are',
  *flaws({ onHand, reserved, shipped, received, held, gone }) {
    if (Math.min(onHand, reserved, shipped) < 0) yield 'has a negative count';
    if (onHand + reserved + shipped !== received)
      yield `had ${received} and has ${onHand} + ${reserved} + ${shipped}`;
    if (reserved !== held) yield `has ${reserved} reserved, and reservations of ${held}`;
    if (shipped !== gone) yield `has ${shipped} shipped, and reservations for ${gone} of them`;
  },
};
