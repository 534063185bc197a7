import { Counter } from 'prom-client';
import { registerLookedUpGauges } from '../metrics/looked-up-gauges.ts';
import type { AuditStore } from './audit-store.ts';
import type { InvariantId } from './invariants.ts';

const checked = new Counter({
  name: 'oms_invariant_checked_total',
  help: 'Looks of the auditor at an order, by this process',
});

export function countChecked(orders: number): void {
  checked.inc(orders);
}

/** Says what the auditor has found whenever metrics are asked for; every replica says the same. */
export function measureAudit(store: AuditStore, told: readonly InvariantId[]): void {
  registerLookedUpGauges(
    () => store.status(0),
    [
      {
        name: 'oms_invariant_findings',
        help: 'What breaks an invariant at present, as far as the database of this service tells. Take the maximum by service',
        labelNames: ['invariant'],
        tell: (gauge, { counts }) => {
          for (const invariant of told) gauge.set({ invariant }, counts[invariant] ?? 0);
        },
      },
      {
        name: 'oms_invariant_audit_age_seconds',
        help: 'How long ago the last run of the auditor ended; without any, how long this process has waited for one. Take the maximum by service',
        // Never nothing: of an auditor that fails from the first day on, an alert has to be able to tell.
        tell: (gauge, { finishedAt }) => {
          const sinceMs = finishedAt ? Date.now() - finishedAt.getTime() : performance.now();
          gauge.set(sinceMs / 1_000);
        },
      },
    ],
  );
}
