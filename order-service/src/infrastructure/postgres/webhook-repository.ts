import type { Pool } from 'pg';
import { AppError } from '#shared/kernel/errors.ts';
import { withDatabaseErrors } from '#shared/postgres/database-errors.ts';
import { query } from '#shared/postgres/statement.ts';
import { runTransaction } from '#shared/postgres/transaction.ts';
import type { Owner, WebhookChange, WebhookRepository } from '../../application/ports/webhook-repository.ts';
import type { DisabledReason, Webhook, WebhookEventType } from '../../domain/webhook.ts';
import type { Prisma, PrismaClient, Webhook as StoredWebhook } from './generated/client.ts';
import { countWebhooks, insertWebhook, lockOwner } from './sql/webhooks.ts';

/** Stands in the place of a customer for all of them; no customer has it. */
const everybody = '';

/** {@link WebhookRepository} in order_db. */
export function createWebhookRepository({
  pool,
  prisma,
}: {
  pool: Pool;
  prisma: PrismaClient;
}): WebhookRepository {
  async function update(id: string, owner: Owner, data: Prisma.WebhookUpdateManyMutationInput) {
    const [stored] = await withDatabaseErrors(() =>
      prisma.webhook.updateManyAndReturn({ where: { id, ...of(owner) }, data }),
    );
    return stored && fromStored(stored);
  }

  return {
    add: (webhook, most) =>
      runTransaction(pool, async (client) => {
        await query(client, lockOwner, [webhook.owner]);
        const [row] = await query<{ webhooks: number }>(client, countWebhooks, [webhook.owner]);
        if ((row?.webhooks ?? 0) >= most) throw tooMany(most);
        await query(client, insertWebhook, [
          webhook.id,
          webhook.owner,
          webhook.scope === 'all' ? everybody : webhook.owner,
          webhook.url,
          webhook.eventTypes,
          webhook.description,
          webhook.createdAt,
        ]);
      }),

    async find(id, owner) {
      const stored = await withDatabaseErrors(() =>
        prisma.webhook.findFirst({ where: { id, ...of(owner) } }),
      );
      return stored ? fromStored(stored) : undefined;
    },

    async list({ owner, before, limit }) {
      const stored = await withDatabaseErrors(() =>
        prisma.webhook.findMany({
          where: { ...of(owner), ...(before === undefined ? {} : { id: { lt: before } }) },
          orderBy: { id: 'desc' },
          take: limit,
        }),
      );
      return stored.map(fromStored);
    },

    update: (id, owner, change, at) => update(id, owner, { ...toStored(change), updatedAt: at }),

    rotateSecret: (id, owner, at) => update(id, owner, { secretsReplacedAt: { push: at }, updatedAt: at }),

    async remove(id, owner) {
      const { count } = await withDatabaseErrors(() =>
        prisma.webhook.deleteMany({ where: { id, ...of(owner) } }),
      );
      return count > 0;
    },
  };
}

function of(owner: Owner): { owner?: string } {
  return owner === undefined ? {} : { owner };
}

function toStored({ eventTypes, ...change }: WebhookChange): Prisma.WebhookUpdateManyMutationInput {
  return { ...change, ...(eventTypes === undefined ? {} : { eventTypes: [...eventTypes] }) };
}

function fromStored({ customerId, ...stored }: StoredWebhook): Webhook {
  return {
    ...stored,
    scope: customerId === everybody ? 'all' : 'own',
    eventTypes: stored.eventTypes as readonly WebhookEventType[],
    disabledReason: stored.disabledReason as DisabledReason | null,
  };
}

function tooMany(most: number): AppError {
  return new AppError({
    code: 'TOO_MANY_WEBHOOKS',
    kind: 'rejected',
    message: `you have ${most} webhooks, which is as many as there may be: delete one first`,
  });
}
