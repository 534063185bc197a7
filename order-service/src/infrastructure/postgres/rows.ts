import type { ReceivedMessage, RecordedEvent } from '../../application/ports/order-repository.ts';
import type {
  Cancellation,
  Order,
  OrderFailure,
  OrderState,
  OrderStatus,
  PaymentMode,
  Refund,
} from '../../domain/order.ts';
import { webhookEventTypeOf } from '../../domain/webhook.ts';
import type { OrderItem as StoredItem, Order as StoredOrder } from './generated/client.ts';

/** Row of `orders` as our own statements read and write it. */
export interface OrderRow {
  readonly id: string;
  readonly customer_id: string;
  readonly status: OrderStatus;
  readonly currency: string;
  readonly total_minor: number;
  readonly description: string | null;
  readonly metadata: Readonly<Record<string, string>>;
  readonly failure: OrderFailure | null;
  readonly payment: PaymentMode;
  readonly payment_requested: boolean;
  readonly paid_minor: number;
  readonly refunds: readonly Refund[];
  readonly cancellation: Cancellation | null;
  readonly version: number;
  readonly processing_run: number;
  readonly processing_sequence: number;
  readonly event_sequence: number;
  readonly created_at: Date;
  readonly updated_at: Date;
}

export function toOrderRow(order: OrderState): OrderRow {
  return {
    id: order.id,
    customer_id: order.customerId,
    status: order.status,
    currency: order.currency,
    total_minor: order.totalMinor,
    description: order.description,
    metadata: order.metadata,
    failure: order.failure,
    payment: order.payment,
    payment_requested: order.paymentRequested,
    paid_minor: order.paidMinor,
    refunds: order.refunds,
    cancellation: order.cancellation,
    version: order.version,
    processing_run: order.processingRun,
    processing_sequence: order.processingSequence,
    event_sequence: order.eventSequence,
    created_at: order.createdAt,
    updated_at: order.updatedAt,
  };
}

export function fromOrderRow(row: OrderRow): OrderState {
  return {
    id: row.id,
    customerId: row.customer_id,
    status: row.status,
    currency: row.currency,
    totalMinor: row.total_minor,
    description: row.description,
    metadata: row.metadata,
    failure: row.failure,
    payment: row.payment,
    paymentRequested: row.payment_requested,
    paidMinor: row.paid_minor,
    refunds: row.refunds,
    cancellation: row.cancellation,
    version: row.version,
    processingRun: row.processing_run,
    processingSequence: row.processing_sequence,
    eventSequence: row.event_sequence,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

export function toItemRows(order: Order): readonly Record<string, unknown>[] {
  return order.items.map((item, position) => ({
    order_id: order.id,
    position,
    sku: item.sku,
    quantity: item.quantity,
    unit_price_minor: item.unitPriceMinor,
  }));
}

export function toEventRow(recorded: RecordedEvent): Record<string, unknown> {
  return {
    order_id: recorded.orderId,
    version: recorded.version,
    type: recorded.event.type,
    data: recorded.event.data,
    actor: recorded.actor,
    correlation_id: recorded.correlationId,
    traceparent: recorded.traceparent,
    occurred_at: recorded.at,
    // Not columns: for the webhooks.
    customer_id: recorded.customerId,
    status: recorded.status,
    webhook_type: webhookEventTypeOf[recorded.event.type],
  };
}

export function toInboxRow(message: ReceivedMessage): Record<string, unknown> {
  return {
    message_id: message.messageId,
    order_id: message.orderId,
    type: message.type,
    sequence: message.sequence,
    outcome: message.outcome,
    received_at: message.at,
  };
}

/** An order as Prisma reads it. The columns of text and JSON hold only what this service wrote. */
export function fromStoredOrder(stored: StoredOrder & { items: readonly StoredItem[] }): Order {
  return {
    ...stored,
    totalMinor: Number(stored.totalMinor),
    metadata: stored.metadata as Readonly<Record<string, string>>,
    failure: stored.failure as OrderFailure | null,
    payment: stored.payment as PaymentMode,
    paidMinor: Number(stored.paidMinor),
    refunds: stored.refunds as unknown as readonly Refund[],
    cancellation: stored.cancellation as Cancellation | null,
    items: stored.items.map((item) => ({
      sku: item.sku,
      quantity: item.quantity,
      unitPriceMinor: Number(item.unitPriceMinor),
    })),
  };
}
