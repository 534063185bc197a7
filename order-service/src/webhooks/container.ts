import type { Clock } from '#shared/kernel/clock.ts';
import type { Failpoint } from '#shared/kernel/failpoints.ts';
import type { Logger } from '#shared/observability/logger.ts';
import type { createPool } from '#shared/postgres/pool.ts';
import { createPeriodicWork } from '#shared/process/periodic-work.ts';
import { createWebhookDispatcher } from '../application/deliver-webhooks.ts';
import { createManageWebhooks, type ManageWebhooks } from '../application/manage-webhooks.ts';
import { createTidyDeliveries } from '../application/tidy-deliveries.ts';
import { createWebhookSecrets } from '../application/webhook-secrets.ts';
import type { OrderServiceConfig } from '../config.ts';
import type { createPrismaClient } from '../infrastructure/postgres/prisma-client.ts';
import { createWebhookDeliveries } from '../infrastructure/postgres/webhook-deliveries.ts';
import { createWebhookRepository } from '../infrastructure/postgres/webhook-repository.ts';
import { createWebhookEndpoints } from '../infrastructure/webhooks/endpoints.ts';
import { createResolve } from '../infrastructure/webhooks/resolve-name.ts';
import { measureDeliveries } from '../infrastructure/webhooks/webhook-metrics.ts';

const tidyIntervalMs = 10_000;
/** Beyond the time of an attempt: for writing down what became of it. */
const leaseMarginMs = 5_000;

export interface Webhooks {
  readonly manage: ManageWebhooks;
  start(): void;
  isStuck(): boolean;
  stop(): Promise<void>;
}

/** Puts together what tells others of orders. */
export function createWebhooks(parts: {
  config: Pick<
    OrderServiceConfig,
    | 'WEBHOOK_SIGNING_KEY'
    | 'WEBHOOK_ALLOWED_NETWORKS'
    | 'WEBHOOK_TIMEOUT_MS'
    | 'WEBHOOK_DELIVERY_RETENTION_HOURS'
  >;
  pool: ReturnType<typeof createPool>;
  prisma: ReturnType<typeof createPrismaClient>;
  clock: Clock;
  failpoint: Failpoint;
  logger: Logger;
}): Webhooks {
  const { config, pool, prisma, clock, failpoint, logger } = parts;
  const deliveries = measureDeliveries(createWebhookDeliveries({ pool, prisma }));
  const timeoutMs = config.WEBHOOK_TIMEOUT_MS;
  const secrets = createWebhookSecrets(config.WEBHOOK_SIGNING_KEY);
  const endpoints = createWebhookEndpoints({
    resolve: createResolve({ timeoutMs: timeoutMs / 2 }),
    allowed: config.WEBHOOK_ALLOWED_NETWORKS,
    timeoutMs,
  });
  const dispatcher = createWebhookDispatcher({
    deliveries,
    endpoints,
    secrets,
    clock,
    failpoint,
    logger,
    leaseMs: timeoutMs + leaseMarginMs,
  });
  const tidying = createPeriodicWork({
    work: createTidyDeliveries({
      deliveries,
      retentionMs: config.WEBHOOK_DELIVERY_RETENTION_HOURS * 3_600_000,
    }),
    intervalMs: tidyIntervalMs,
    complaint: 'cannot tidy up webhook deliveries',
    logger,
  });
  return {
    manage: createManageWebhooks({
      webhooks: createWebhookRepository({ pool, prisma }),
      deliveries,
      endpoints,
      secrets,
      clock,
    }),
    start() {
      dispatcher.start();
      tidying.start();
    },
    isStuck: () => dispatcher.isStuck() || tidying.isStuck(),
    async stop() {
      await Promise.all([dispatcher.stop(), tidying.stop()]);
    },
  };
}
