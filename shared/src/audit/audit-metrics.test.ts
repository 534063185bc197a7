import { expect, test } from '@jest/globals';
import { metricsRegistry } from '../metrics/registry.ts';
import { measureAudit } from './audit-metrics.ts';
import type { AuditStatus, AuditStore } from './audit-store.ts';

const nothing: AuditStatus = { finishedAt: null, checked: 0, progress: {}, counts: {}, findings: [] };

async function ageTold(status: AuditStatus): Promise<number> {
  metricsRegistry.clear();
  measureAudit({ status: async () => status } as unknown as AuditStore, ['I1']);
  const sample = await metricsRegistry.getSingleMetricAsString('oms_invariant_audit_age_seconds');
  return Number(/^oms_invariant_audit_age_seconds (.+)$/m.exec(sample)?.[1]);
}

test('the age of the last audit is told, and grows, also while none has ended', async () => {
  const age = await ageTold({ ...nothing, finishedAt: new Date(Date.now() - 90_000) });
  expect(age).toBeGreaterThanOrEqual(90);
  expect(age).toBeLessThan(120);
  const first = await ageTold(nothing);
  expect(first).toBeGreaterThan(0);
  expect(await ageTold(nothing)).toBeGreaterThan(first);
});
