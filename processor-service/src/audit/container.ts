import { measureAudit } from '#shared/audit/audit-metrics.ts';
import { createBackgroundAudit } from '#shared/audit/background-audit.ts';
import { judge } from '#shared/audit/check.ts';
import { changes, sweep, worstFirst } from '#shared/audit/feeds.ts';
import { toldBy } from '#shared/audit/invariants-route.ts';
import { outboxFreshness, outboxIsFresh } from '#shared/audit/outbox-is-fresh.ts';
import type { Clock } from '#shared/kernel/clock.ts';
import type { Logger } from '#shared/observability/logger.ts';
import { createOutboxAudit } from '#shared/outbox/outbox-audit.ts';
import { createAuditStore } from '#shared/postgres/audit-store.ts';
import type { createPool } from '#shared/postgres/pool.ts';
import { sagaChecks, stockChecks } from '../application/audit/saga-checks.ts';
import { overdueAfterMs } from '../application/audit/sagas-move.ts';
import type { ProcessorServiceConfig } from '../config.ts';
import { createSagaAudit } from '../infrastructure/postgres/saga-audit.ts';

/** Puts the auditor of processor_db together. */
export function createAudit(parts: {
  config: ProcessorServiceConfig;
  pool: ReturnType<typeof createPool>;
  isBrokerThere: () => boolean;
  clock: Clock;
  logger: Logger;
}) {
  const { config, pool, isBrokerThere, clock, logger } = parts;
  const store = createAuditStore({ pool });
  const sagas = createSagaAudit({ pool });
  const outbox = createOutboxAudit({ pool });
  const overdueMs = config.AUDIT_OVERDUE_MINUTES * 60_000;
  const outboxRetentionMs = config.OUTBOX_RETENTION_HOURS * 3_600_000;
  const termsAt = (at: number) => ({ at, overdueMs, outboxRetentionMs });
  const feeds = [
    worstFirst('overdue', 'sagas past their deadline', (limit) => sagas.overdue(overdueAfterMs, limit)),
    changes(outbox.next),
    sweep(sagas.next),
  ];
  const comparisons = [...sagaChecks, ...stockChecks, outboxFreshness];
  measureAudit(store, toldBy(comparisons));
  const inBackground = createBackgroundAudit({
    store,
    feeds,
    look: async (ids, at) => judge(sagaChecks, await sagas.read(ids), termsAt(at)),
    whole: [
      { source: 'stock', find: async (at) => judge(stockChecks, await sagas.stock(), termsAt(at)) },
      outboxIsFresh({ waiting: outbox.waiting, isBrokerThere }),
    ],
    clock,
    intervalMs: config.AUDIT_INTERVAL_MS,
    ordersPerRun: config.AUDIT_ORDERS_PER_RUN,
    logger,
  });
  return { ...inBackground, store, feeds, comparisons };
}
