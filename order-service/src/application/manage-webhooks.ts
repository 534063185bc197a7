import { type Caller, mayActForAll, requireScope } from '#shared/auth/caller.ts';
import type { Clock } from '#shared/kernel/clock.ts';
import { AppError } from '#shared/kernel/errors.ts';
import { newId } from '#shared/kernel/ids.ts';
import type { Page } from '#shared/kernel/page.ts';
import type { DeliveryStatus, Webhook, WebhookDelivery, WebhookStatus } from '../domain/webhook.ts';
import { testEventType } from '../domain/webhook.ts';
import { pageById, readCursor } from './paging.ts';
import type { WebhookEndpoints } from './ports/webhook-endpoints.ts';
import type {
  Owner,
  WebhookChange,
  WebhookDeliveries,
  WebhookRepository,
} from './ports/webhook-repository.ts';
import type { WebhookSecrets } from './webhook-secrets.ts';

/** A webhook together with its secret, which is told at no other time. */
export interface WebhookWithSecret {
  readonly webhook: Webhook;
  readonly secret: string;
}

export type NewWebhook = Pick<Webhook, 'scope' | 'url' | 'eventTypes' | 'description'>;
export interface ChangedWebhook {
  readonly url?: string | undefined;
  readonly eventTypes?: Webhook['eventTypes'] | undefined;
  readonly description?: string | null | undefined;
  readonly status?: WebhookStatus | undefined;
}

interface PageQuery {
  readonly cursor?: string | undefined;
  readonly limit: number;
}

/**
 * What one can do with webhooks. Nobody but its owner and administrators see one: for everybody else it is not there. Each may
 * throw AppError `WEBHOOK_NOT_FOUND` and `DATABASE_UNAVAILABLE`.
 */
export interface ManageWebhooks {
  /** @throws AppError `FORBIDDEN`, `WEBHOOK_URL_REFUSED`, `TOO_MANY_WEBHOOKS` */
  subscribe(wish: NewWebhook, by: Caller): Promise<WebhookWithSecret>;
  get(id: string, by: Caller): Promise<Webhook>;
  /** Newest first. @throws AppError `INVALID_CURSOR` */
  list(query: PageQuery, by: Caller): Promise<Page<Webhook>>;
  /** Enabling it again forgets how long it has been failing. @throws AppError `WEBHOOK_URL_REFUSED`, `NOT_THE_OWNER` */
  change(id: string, change: ChangedWebhook, by: Caller): Promise<Webhook>;
  /** A new secret; those before it sign on for a day after they were replaced. @throws AppError `NOT_THE_OWNER` */
  rotateSecret(id: string, by: Caller): Promise<WebhookWithSecret>;
  remove(id: string, by: Caller): Promise<void>;
  /** Newest first. @throws AppError `INVALID_CURSOR` */
  listDeliveries(
    id: string,
    query: PageQuery & { readonly status?: DeliveryStatus | undefined },
    by: Caller,
  ): Promise<Page<WebhookDelivery>>;
  /** Sends it once more, under the same id. @throws AppError `DELIVERY_NOT_FOUND`, `WEBHOOK_DISABLED` */
  redeliver(id: string, deliveryId: string, by: Caller): Promise<WebhookDelivery>;
  /** Sends something that is about no order. @throws AppError `WEBHOOK_DISABLED` */
  sendTest(id: string, by: Caller): Promise<WebhookDelivery>;
}

const mostPerOwner = 20;

export function createManageWebhooks(dependencies: {
  webhooks: WebhookRepository;
  deliveries: Pick<WebhookDeliveries, 'add' | 'list' | 'redeliver'>;
  endpoints: Pick<WebhookEndpoints, 'check'>;
  secrets: Pick<WebhookSecrets, 'secretOf'>;
  clock: Clock;
}): ManageWebhooks {
  const { webhooks, deliveries, endpoints, secrets, clock } = dependencies;

  async function get(id: string, by: Caller): Promise<Webhook> {
    return (await webhooks.find(id, ownerFor(by))) ?? missing(id);
  }

  /** Administrators may end what is somebody else's, but not point it elsewhere or learn its secret. */
  async function getOwn(id: string, by: Caller): Promise<Webhook> {
    const webhook = await get(id, by);
    if (webhook.owner !== by.subject) throw notYours();
    return webhook;
  }

  async function getEnabled(id: string, by: Caller): Promise<Webhook> {
    const webhook = await get(id, by);
    if (webhook.status === 'disabled') throw disabled();
    return webhook;
  }

  const withSecret = (webhook: Webhook): WebhookWithSecret => ({
    webhook,
    secret: secrets.secretOf(webhook),
  });

  return {
    get,
    async subscribe({ url, ...wish }, by) {
      if (wish.scope === 'all') requireScope(by, 'orders:admin');
      const at = clock();
      const webhook: Webhook = {
        ...wish,
        id: newId(),
        owner: by.subject,
        url: await endpoints.check(url),
        secretsReplacedAt: [],
        status: 'enabled',
        disabledReason: null,
        failingSince: null,
        createdAt: at,
        updatedAt: at,
      };
      await webhooks.add(webhook, mostPerOwner);
      return withSecret(webhook);
    },
    async list({ cursor, limit }, by) {
      return pageById(
        await webhooks.list({ owner: ownerFor(by), before: readCursor(cursor), limit: limit + 1 }),
        limit,
      );
    },
    async change(id, wish, by) {
      const { url, eventTypes, description, status } = wish;
      const isEnding = status === 'disabled' && Object.keys(wish).length === 1;
      await (isEnding ? get : getOwn)(id, by);
      const change: WebhookChange = {
        ...(eventTypes === undefined ? {} : { eventTypes }),
        ...(description === undefined ? {} : { description }),
        ...(url === undefined ? {} : { url: await endpoints.check(url) }),
        ...(status === 'enabled' ? { status, disabledReason: null, failingSince: null } : {}),
        ...(status === 'disabled' ? { status, disabledReason: 'asked' } : {}),
      };
      return (await webhooks.update(id, ownerFor(by), change, clock())) ?? missing(id);
    },
    async rotateSecret(id, by) {
      await getOwn(id, by);
      return withSecret((await webhooks.rotateSecret(id, by.subject, clock())) ?? missing(id));
    },
    async remove(id, by) {
      if (!(await webhooks.remove(id, ownerFor(by)))) missing(id);
    },
    async listDeliveries(id, { cursor, limit, status }, by) {
      await get(id, by);
      const before = readCursor(cursor);
      return pageById(await deliveries.list({ webhookId: id, status, before, limit: limit + 1 }), limit);
    },
    async redeliver(id, deliveryId, by) {
      await getEnabled(id, by);
      const delivery = await deliveries.redeliver(deliveryId, id);
      if (delivery) return delivery;
      throw new AppError({
        code: 'DELIVERY_NOT_FOUND',
        kind: 'rejected',
        message: `there is no delivery ${deliveryId} for this webhook`,
      });
    },
    async sendTest(id, by) {
      await getEnabled(id, by);
      const type = testEventType;
      const payload = JSON.stringify({ type, timestamp: clock().toISOString(), data: { webhookId: id } });
      return deliveries.add({ id: newId(), webhookId: id, type, payload });
    },
  };
}

/** Whose webhooks a caller may see and change: an administrator everybody's. */
function ownerFor(by: Caller): Owner {
  return mayActForAll(by) ? undefined : by.subject;
}

function missing(id: string): never {
  throw new AppError({ code: 'WEBHOOK_NOT_FOUND', kind: 'rejected', message: `there is no webhook ${id}` });
}

function notYours(): AppError {
  return new AppError({
    code: 'NOT_THE_OWNER',
    kind: 'rejected',
    message: 'the webhook belongs to somebody else: you may see it, disable it and delete it',
  });
}

function disabled(): AppError {
  return new AppError({
    code: 'WEBHOOK_DISABLED',
    kind: 'rejected',
    message: 'the webhook is disabled: enable it first, with PATCH and {"status": "enabled"}',
  });
}
