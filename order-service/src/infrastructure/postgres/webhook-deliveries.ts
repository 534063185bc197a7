import type { Pool } from 'pg';
import { withDatabaseErrors } from '#shared/postgres/database-errors.ts';
import { query, type Statement } from '#shared/postgres/statement.ts';
import type { WebhookDeliveries } from '../../application/ports/webhook-repository.ts';
import type { DisabledReason, LoggedAttempt, WebhookDelivery } from '../../domain/webhook.ts';
import type { PrismaClient, WebhookDelivery as StoredDelivery } from './generated/client.ts';
import {
  claimDeliveries,
  deleteFinishedDeliveries,
  giveUpDeliveries,
  recordAttempt,
  releaseDelivery,
} from './sql/webhook-deliveries.ts';

const mostLoggedAttempts = 20;

interface ClaimedRow {
  readonly id: string;
  readonly webhook_id: string;
  readonly payload: string;
  readonly attempts: number;
  readonly next_attempt_at: Date;
  readonly url: string;
  readonly secrets_replaced_at: readonly Date[];
  readonly order_id: string | null;
  readonly cause: readonly [correlationId: string, traceparent: string] | null;
}

/** {@link WebhookDeliveries} in order_db. Leases and pauses go by its clock, so that all processes agree. */
export function createWebhookDeliveries({
  pool,
  prisma,
}: {
  pool: Pool;
  prisma: PrismaClient;
}): WebhookDeliveries {
  async function count(statement: Statement, values: readonly unknown[]): Promise<number> {
    const { rowCount } = await withDatabaseErrors(() => pool.query({ ...statement, values: [...values] }));
    return rowCount ?? 0;
  }

  return {
    async add(delivery) {
      const data = { ...delivery, nextAttemptAt: new Date() };
      return fromStored(await withDatabaseErrors(() => prisma.webhookDelivery.create({ data })));
    },

    async find(id, webhookId) {
      const stored = await withDatabaseErrors(() =>
        prisma.webhookDelivery.findFirst({ where: { id, webhookId } }),
      );
      return stored ? fromStored(stored) : undefined;
    },

    async list({ webhookId, status, before, limit }) {
      const stored = await withDatabaseErrors(() =>
        prisma.webhookDelivery.findMany({
          where: {
            webhookId,
            ...(status === undefined ? {} : { status }),
            ...(before === undefined ? {} : { id: { lt: before } }),
          },
          orderBy: { id: 'desc' },
          take: limit,
        }),
      );
      return stored.map(fromStored);
    },

    async redeliver(id, webhookId) {
      const data = { status: 'pending', attempts: 0, nextAttemptAt: new Date(), finishedAt: null } as const;
      const [stored] = await withDatabaseErrors(() =>
        prisma.webhookDelivery.updateManyAndReturn({ where: { id, webhookId }, data }),
      );
      return stored && fromStored(stored);
    },

    async claim({ limit, perWebhook, busy, leaseMs }) {
      const values = [[...busy.keys()], [...busy.values()], perWebhook, limit, leaseMs];
      const rows = await withDatabaseErrors(() => query<ClaimedRow>(pool, claimDeliveries, values));
      return rows.map((row) => ({
        id: row.id,
        webhookId: row.webhook_id,
        payload: row.payload,
        attempts: row.attempts,
        leasedUntil: row.next_attempt_at,
        url: row.url,
        secretsReplacedAt: row.secrets_replaced_at,
        orderId: row.order_id ?? undefined,
        correlationId: row.cause?.[0],
        traceparent: row.cause?.[1],
      }));
    },

    async record({ id, leasedUntil, attempt, status, delayMs = 0, isGone }, patienceMs) {
      const log = JSON.stringify([attempt]);
      const values = [id, leasedUntil, log, status, delayMs, isGone, patienceMs, mostLoggedAttempts];
      const [webhook] = await withDatabaseErrors(() =>
        query<{ disabled_reason: DisabledReason | null }>(pool, recordAttempt, values),
      );
      return webhook?.disabled_reason ?? undefined;
    },

    async release({ id, leasedUntil }) {
      await count(releaseDelivery, [id, leasedUntil]);
    },

    giveUp: (limit) => count(giveUpDeliveries, [limit]),
    deleteFinished: (olderThanMs, limit) => count(deleteFinishedDeliveries, [olderThanMs, limit]),
  };
}

function fromStored(stored: StoredDelivery): WebhookDelivery {
  return { ...stored, attemptLog: stored.attemptLog as unknown as readonly LoggedAttempt[] };
}
