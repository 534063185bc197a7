import { audit } from '#auditor/audit.ts';
import { withWitnesses } from '#auditor/witnesses.ts';
import { nobodyIsNeeded } from './checks/attention.ts';
import type { Flaws } from './checks/finding.ts';
import { acknowledgedOrdersExist, acknowledgedWishesExist, oneOrderPerRequest } from './checks/orders.ts';
import { stockIsWhatItWas } from './checks/stock.ts';
import { collectEvidence, type Evidence, type Leave } from './evidence.ts';
import type { TestSystem } from './system.ts';
import type { Witness } from './witness.ts';

/** What only somebody can tell who was there from the beginning: the customers, and what a test expects. */
const checks: readonly { invariant: string; flaws: (evidence: Evidence) => Flaws }[] = [
  { invariant: 'I1', flaws: acknowledgedOrdersExist },
  { invariant: 'I1', flaws: acknowledgedWishesExist },
  { invariant: 'I3', flaws: oneOrderPerRequest },
  { invariant: 'I5', flaws: stockIsWhatItWas },
  { invariant: 'I11', flaws: nobodyIsNeeded },
];

/** Something that must never be. */
export interface Finding {
  readonly invariant: string;
  readonly subject: string;
  readonly what: string;
}

const outboxRetentionMs = 168 * 3_600_000;

/**
 * Checks a system that has come to rest against everything that is promised about it: with the auditor of
 * `npm run audit:invariants`, which accepts nothing as being in flight here, and with what the test itself has seen. An
 * empty answer means that every promise was kept.
 *
 * @param leave what a test has left undone on purpose
 */
export async function checkInvariants(
  system: TestSystem,
  witness: Witness,
  leave: Leave = {},
): Promise<readonly Finding[]> {
  const { findings, silent } = await auditOnce(system);
  if (silent.length > 0) throw new Error(`not everybody could be asked: ${JSON.stringify(silent)}`);
  const evidence = await collectEvidence(system, witness, leave);
  return [
    ...findings,
    ...checks.flatMap(({ invariant, flaws }) => [...flaws(evidence)].map((flaw) => ({ invariant, ...flaw }))),
  ];
}

/** What the auditor finds at first sight, with no allowance for what is in flight. */
function auditOnce({ orderDatabase, processorDatabase, urls, broker }: TestSystem) {
  const addresses = {
    orders: orderDatabase.url,
    processor: processorDatabase.url,
    ledger: urls.sandbox,
    broker: broker.url,
  };
  return withWitnesses(addresses, (witnesses) =>
    audit(witnesses, { overdueMs: 0, outboxRetentionMs, patienceMs: 0 }),
  );
}
