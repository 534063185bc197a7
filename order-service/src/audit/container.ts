import { measureAudit } from '#shared/audit/audit-metrics.ts';
import { createBackgroundAudit } from '#shared/audit/background-audit.ts';
import { changes, openOrders, sweep } from '#shared/audit/feeds.ts';
import { toldBy } from '#shared/audit/invariants-route.ts';
import { outboxFreshness, outboxIsFresh } from '#shared/audit/outbox-is-fresh.ts';
import type { Clock } from '#shared/kernel/clock.ts';
import type { Logger } from '#shared/observability/logger.ts';
import { createOutboxAudit } from '#shared/outbox/outbox-audit.ts';
import { createAuditStore } from '#shared/postgres/audit-store.ts';
import type { createPool } from '#shared/postgres/pool.ts';
import { judgeOrders, orderChecks } from '../application/audit/order-checks.ts';
import type { OrderServiceConfig } from '../config.ts';
import { createOrderAudit } from '../infrastructure/postgres/order-audit.ts';

/** Puts the auditor of order_db together. */
export function createAudit(parts: {
  config: OrderServiceConfig;
  pool: ReturnType<typeof createPool>;
  isBrokerThere: () => boolean;
  clock: Clock;
  logger: Logger;
}) {
  const { config, pool, isBrokerThere, clock, logger } = parts;
  const store = createAuditStore({ pool });
  const orders = createOrderAudit({ pool });
  const outbox = createOutboxAudit({ pool });
  const overdueMs = config.AUDIT_OVERDUE_MINUTES * 60_000;
  const outboxRetentionMs = config.OUTBOX_RETENTION_HOURS * 3_600_000;
  const feeds = [openOrders(orders.nextOpen, overdueMs), changes(outbox.next), sweep(orders.next)];
  const comparisons = [...orderChecks, outboxFreshness];
  measureAudit(store, toldBy(comparisons));
  const inBackground = createBackgroundAudit({
    store,
    feeds,
    look: async (ids, at) => judgeOrders(await orders.read(ids), { at, overdueMs, outboxRetentionMs }),
    whole: [outboxIsFresh({ waiting: outbox.waiting, isBrokerThere })],
    clock,
    intervalMs: config.AUDIT_INTERVAL_MS,
    ordersPerRun: config.AUDIT_ORDERS_PER_RUN,
    logger,
  });
  return { ...inBackground, store, feeds, comparisons };
}
