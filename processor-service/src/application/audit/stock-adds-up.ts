import type { Check } from '#shared/audit/check.ts';
import type { StockEvidence } from '../ports/saga-evidence.ts';

export const stockAddsUp: Check<StockEvidence> = {
  invariant: 'I5',
  compares: 'the counts of each SKU with each other and with the reservations of sagas under way',
  *flaws({ onHand, reserved, shipped, received, held }) {
    if (Math.min(onHand, reserved, shipped) < 0) yield 'has a negative count';
    if (onHand + reserved + shipped !== received)
      yield `had ${received} and has ${onHand} + ${reserved} + ${shipped}`;
    if (reserved !== held) yield `has ${reserved} reserved, ${held} of them for sagas under way`;
  },
};
