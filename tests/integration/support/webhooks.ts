import { PrismaPg } from '@prisma/adapter-pg';
import {
  createWebhookDispatcher,
  type WebhookDispatcher,
} from '#order-service/application/deliver-webhooks.ts';
import { createManageWebhooks, type ManageWebhooks } from '#order-service/application/manage-webhooks.ts';
import type { WebhookEndpoints } from '#order-service/application/ports/webhook-endpoints.ts';
import type { WebhookDeliveries } from '#order-service/application/ports/webhook-repository.ts';
import { createWebhookSecrets } from '#order-service/application/webhook-secrets.ts';
import { PrismaClient } from '#order-service/infrastructure/postgres/generated/client.ts';
import { createWebhookDeliveries } from '#order-service/infrastructure/postgres/webhook-deliveries.ts';
import { createWebhookRepository } from '#order-service/infrastructure/postgres/webhook-repository.ts';
import type { Resolve } from '#order-service/infrastructure/webhooks/destination.ts';
import { createWebhookEndpoints } from '#order-service/infrastructure/webhooks/endpoints.ts';
import { parseNetworks } from '#order-service/infrastructure/webhooks/networks.ts';
import { systemClock } from '#shared/kernel/clock.ts';
import { noFailpoints } from '#shared/kernel/failpoints.ts';
import { createPool } from '#shared/postgres/pool.ts';
import { testLogger } from './logger.ts';

/** What tells others of orders, as one replica of the service has it. */
export interface OpenWebhooks {
  readonly manage: ManageWebhooks;
  readonly deliveries: WebhookDeliveries;
  readonly endpoints: WebhookEndpoints;
  readonly dispatcher: WebhookDispatcher;
  close(): Promise<void>;
}

/** No name leads anywhere, unless a test says where. */
const noNames: Resolve = async () => [];
const signingKey = Buffer.alloc(32, 'webhooks of the tests');

export function openWebhooks(
  url: string,
  options: { resolve?: Resolve; allowed?: string; timeoutMs?: number; delaysMs?: readonly number[] } = {},
): OpenWebhooks {
  const { resolve = noNames, allowed = '127.0.0.0/8', timeoutMs = 2_000, delaysMs = [50, 50, 50] } = options;
  const pool = createPool({ url, applicationName: 'test', maxConnections: 5, logger: testLogger });
  const prisma = new PrismaClient({ adapter: new PrismaPg(pool) });
  const deliveries = createWebhookDeliveries({ pool, prisma });
  const endpoints = createWebhookEndpoints({ resolve, allowed: parseNetworks(allowed), timeoutMs });
  const secrets = createWebhookSecrets(signingKey);
  const dispatcher = createWebhookDispatcher({
    deliveries,
    endpoints,
    secrets,
    clock: systemClock,
    failpoint: noFailpoints,
    logger: testLogger,
    leaseMs: timeoutMs + 1_000,
    delaysMs,
    random: () => 0,
  });
  const webhooks = createWebhookRepository({ pool, prisma });
  return {
    manage: createManageWebhooks({ webhooks, deliveries, endpoints, secrets, clock: systemClock }),
    deliveries,
    endpoints,
    dispatcher,
    async close() {
      await dispatcher.stop();
      await prisma.$disconnect();
      await pool.end();
    },
  };
}
