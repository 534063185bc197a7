import { processedOrDead } from './checks/dead-or-done.ts';
import { ordersGetFinalReplies } from './checks/final-replies.ts';
import type { Finding, Flaws } from './checks/finding.ts';
import { effectsHappenOnce, eventsTakeEffectInOrder, publishedIsCommitted } from './checks/messages.ts';
import { moneyMatchesOrders, stockIsConserved } from './checks/money-and-stock.ts';
import {
  acknowledgedOrdersExist,
  acknowledgedWishesExist,
  oneOrderPerRequest,
  ordersEndOnce,
} from './checks/orders.ts';
import { sagasMove } from './checks/sagas.ts';
import { collectEvidence, type Evidence, type Leave } from './evidence.ts';
import type { TestSystem } from './system.ts';
import type { Witness } from './witness.ts';

/** What is promised about the whole system, whatever happens to its parts. */
const checks: Readonly<Record<string, (evidence: Evidence) => Flaws>> = {
  'I1 an acknowledged order exists': acknowledgedOrdersExist,
  'I1 an acknowledged wish is noted': acknowledgedWishesExist,
  'I2 an order ends once, a replayed one once per run': ordersEndOnce,
  'I3 one order per request': oneOrderPerRequest,
  'I4 money is taken at most once, and what is not refunded is held only for completed orders':
    moneyMatchesOrders,
  'I5 stock is conserved and matches the orders': stockIsConserved,
  'I6 published is exactly what was committed': publishedIsCommitted,
  'I7 every effect happens once per message': effectsHappenOnce,
  'I8 the events of an order take effect in order': eventsTakeEffectInOrder,
  'I10 a message is processed or dead': processedOrDead,
  'I11 no saga is stuck': sagasMove,
  'I12 every order gets a final reply, repeated ones are identical': ordersGetFinalReplies,
};

/**
 * Checks a system that has come to rest against everything that is promised about it. An empty answer means that every
 * promise was kept.
 *
 * @param leave what a test has left undone on purpose
 */
export async function checkInvariants(
  system: TestSystem,
  witness: Witness,
  leave: Leave = {},
): Promise<readonly Finding[]> {
  const evidence = await collectEvidence(system, witness, leave);
  return Object.entries(checks).flatMap(([invariant, check]) =>
    [...check(evidence)].map((flaw) => ({ invariant, ...flaw })),
  );
}
