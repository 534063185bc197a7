import { Counter, Gauge } from 'prom-client';
import { metricsRegistry } from '../metrics/registry.ts';
import type { AuditStatus, AuditStore } from './audit-store.ts';
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
  let looking: Promise<AuditStatus | undefined> | undefined;

  /** One look for both gauges; without its database it says nothing. */
  function look(): Promise<AuditStatus | undefined> {
    looking ??= store
      .status(0)
      .catch(() => undefined)
      .finally(() => {
        looking = undefined;
      });
    return looking;
  }

  metricsRegistry.registerMetric(
    new Gauge({
      name: 'oms_invariant_findings',
      help: 'What breaks an invariant at present, as far as the database of this service tells',
      labelNames: ['invariant'],
      registers: [],
      async collect() {
        const status = await look();
        this.reset();
        if (!status) return;
        for (const invariant of told) this.set({ invariant }, status.counts[invariant] ?? 0);
      },
    }),
  );
  metricsRegistry.registerMetric(
    new Gauge({
      name: 'oms_invariant_audit_age_seconds',
      help: 'How long ago the last run of the auditor ended',
      registers: [],
      async collect() {
        const finishedAt = (await look())?.finishedAt;
        if (finishedAt) this.set((Date.now() - finishedAt.getTime()) / 1_000);
        else this.remove();
      },
    }),
  );
}
