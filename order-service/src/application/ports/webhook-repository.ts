import type {
  DeliveryStatus,
  DisabledReason,
  LoggedAttempt,
  Webhook,
  WebhookDelivery,
} from '../../domain/webhook.ts';

/** What may be changed about a webhook. */
export type WebhookChange = Partial<
  Pick<Webhook, 'url' | 'eventTypes' | 'description' | 'status' | 'disabledReason' | 'failingSince'>
>;

/** Whose webhook; `undefined`: anybody's. */
export type Owner = string | undefined;

/**
 * The subscriptions in order_db. With an `owner`, those of anybody else are as good as none. Every method may throw
 * `DATABASE_UNAVAILABLE`.
 */
export interface WebhookRepository {
  /** @throws AppError `TOO_MANY_WEBHOOKS` where its owner has `most` already. */
  add(webhook: Webhook, most: number): Promise<void>;
  find(id: string, owner: Owner): Promise<Webhook | undefined>;
  /** Newest first; only those older than `before`. */
  list(query: { owner: Owner; before?: string | undefined; limit: number }): Promise<readonly Webhook[]>;
  update(id: string, owner: Owner, change: WebhookChange, at: Date): Promise<Webhook | undefined>;
  /** The present secret was replaced. */
  rotateSecret(id: string, owner: string, at: Date): Promise<Webhook | undefined>;
  /** Answers whether there was one. What was to be sent to it is given up. */
  remove(id: string, owner: Owner): Promise<boolean>;
}

/** A delivery that this process is to send; nobody else takes it up before the lease is over. */
export interface ClaimedDelivery
  extends Pick<WebhookDelivery, 'id' | 'webhookId' | 'payload' | 'attempts'>,
    Pick<Webhook, 'url' | 'secretsReplacedAt'> {
  readonly leasedUntil: Date;
  /** What it tells of, and by whom that was caused; of a test nothing. */
  readonly orderId: string | undefined;
  readonly correlationId: string | undefined;
  readonly traceparent: string | undefined;
}

/** What became of an attempt. */
export interface RecordedAttempt {
  readonly id: string;
  readonly leasedUntil: Date;
  readonly attempt: LoggedAttempt;
  readonly status: DeliveryStatus;
  /** Of one that is tried again. */
  readonly delayMs?: number | undefined;
  readonly isGone: boolean;
}

/** The delivery log in order_db, and the queue that it is. Every method may throw `DATABASE_UNAVAILABLE`. */
export interface WebhookDeliveries {
  add(delivery: Pick<WebhookDelivery, 'id' | 'webhookId' | 'type' | 'payload'>): Promise<WebhookDelivery>;
  find(id: string, webhookId: string): Promise<WebhookDelivery | undefined>;
  /** Newest first; only those older than `before`. */
  list(query: {
    webhookId: string;
    status?: DeliveryStatus | undefined;
    before?: string | undefined;
    limit: number;
  }): Promise<readonly WebhookDelivery[]>;
  /** Has it sent at once, and again according to the schedule. */
  redeliver(id: string, webhookId: string): Promise<WebhookDelivery | undefined>;
  /**
   * Takes deliveries that are due, at most `limit` and at most `perWebhook` of each webhook, less what is `busy` with it
   * already; of a webhook that has been failing only one.
   */
  claim(options: {
    limit: number;
    perWebhook: number;
    busy: ReadonlyMap<string, number>;
    leaseMs: number;
  }): Promise<readonly ClaimedDelivery[]>;
  /**
   * Writes down what became of an attempt, unless the lease was over and somebody else has taken the delivery up. A
   * webhook that is gone, or that has been failing for `patienceMs`, is disabled; answers why, where that happened now.
   */
  record(attempt: RecordedAttempt, patienceMs: number): Promise<DisabledReason | undefined>;
  /** Gives a claimed delivery back, as if it had never been taken. */
  release(claimed: Pick<ClaimedDelivery, 'id' | 'leasedUntil'>): Promise<void>;
  /** Gives up some of what waits for webhooks that are disabled or deleted; answers how many. */
  giveUp(limit: number): Promise<number>;
  /** Deletes some of what was finished so long ago, the oldest first; answers how many. */
  deleteFinished(olderThanMs: number, limit: number): Promise<number>;
}
