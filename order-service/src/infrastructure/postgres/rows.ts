import type { ReceivedMessage, RecordedEvent } from '../../application/ports/order-repository.ts';
import type { Order, OrderFailure, OrderState, OrderStatus } from '../../domain/order.ts';
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

/** An order as Prisma reads it. The JSON columns hold only what this service wrote. */
export function fromStoredOrder(stored: StoredOrder & { items: readonly StoredItem[] }): Order {
  return {
    ...stored,
    totalMinor: Number(stored.totalMinor),
    metadata: stored.metadata as Readonly<Record<string, string>>,
    failure: stored.failure as OrderFailure | null,
    items: stored.items.map((item) => ({
      sku: item.sku,
      quantity: item.quantity,
      unitPriceMinor: Number(item.unitPriceMinor),
    })),
  };
}
