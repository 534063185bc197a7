import type { OrderEvent } from './order-events.ts';

/** How each event of an order's history is called where it is told to others. */
export const webhookEventTypeOf = {
  placed: 'order.placed',
  reserved: 'order.reserved',
  paid: 'order.paid',
  completed: 'order.completed',
  failed: 'order.failed',
  retried: 'order.retried',
  fulfilled: 'order.fulfilled',
  paymentRequested: 'order.payment_requested',
  cancellationRequested: 'order.cancellation_requested',
  cancellationRejected: 'order.cancellation_rejected',
  cancelled: 'order.cancelled',
  refundRequested: 'order.refund_requested',
  refundRejected: 'order.refund_rejected',
  partiallyRefunded: 'order.partially_refunded',
  refunded: 'order.refunded',
} as const satisfies Record<OrderEvent['type'], string>;

export type WebhookEventType = (typeof webhookEventTypeOf)[OrderEvent['type']];
export const webhookEventTypes = Object.values(webhookEventTypeOf);

/** What is sent when somebody wants to see whether anything arrives. */
export const testEventType = 'webhook.test';

export const webhookStatuses = ['enabled', 'disabled'] as const;
export type WebhookStatus = (typeof webhookStatuses)[number];

/** `own`: the orders of the customer who subscribed; `all`: everybody's. */
export const webhookScopes = ['own', 'all'] as const;
export type WebhookScope = (typeof webhookScopes)[number];

/** `asked`: its owner wanted it; `gone`: the receiver said so; `failing`: nothing had arrived for a long time. */
export type DisabledReason = 'asked' | 'gone' | 'failing';

/** Somebody who wants to be told what happens to orders. */
export interface Webhook {
  readonly id: string;
  /** Who may see and change it. */
  readonly owner: string;
  readonly scope: WebhookScope;
  readonly url: string;
  /** None: all of them. */
  readonly eventTypes: readonly WebhookEventType[];
  readonly description: string | null;
  /** When each of the secrets before the present one was replaced, the first one first. */
  readonly secretsReplacedAt: readonly Date[];
  readonly status: WebhookStatus;
  readonly disabledReason: DisabledReason | null;
  /** Since when no delivery has succeeded; `null` while they do. */
  readonly failingSince: Date | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

export const deliveryStatuses = ['pending', 'delivered', 'failed'] as const;
export type DeliveryStatus = (typeof deliveryStatuses)[number];

/** One event for one webhook. */
export interface WebhookDelivery {
  /** The `webhook-id` of every attempt, by which a receiver recognises a repetition. */
  readonly id: string;
  readonly webhookId: string;
  readonly orderId: string | null;
  /** Of the event in the order's history. */
  readonly version: number | null;
  readonly type: string;
  /** The body, byte for byte. */
  readonly payload: string;
  readonly status: DeliveryStatus;
  readonly attempts: number;
  readonly nextAttemptAt: Date | null;
  /** The latest ones, oldest first. */
  readonly attemptLog: readonly LoggedAttempt[];
  readonly createdAt: Date;
  readonly finishedAt: Date | null;
}

/** What became of one attempt. */
export interface LoggedAttempt {
  readonly at: string;
  readonly durationMs: number;
  /** Of the answer; otherwise `error` says why there was none. */
  readonly statusCode?: number;
  readonly error?: string;
  /** The beginning of the answer's body. */
  readonly response?: string;
}
