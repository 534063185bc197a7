import type { HistoryEntry } from '../application/ports/order-progress.ts';
import type {
  Cancellation as DomainCancellation,
  Order as DomainOrder,
  OrderStatus as DomainOrderStatus,
  PaymentMode as DomainPaymentMode,
  Refund as DomainRefund,
} from '../domain/order.ts';
import { refundedMinorOf } from '../domain/order.ts';
import { statusAfter } from '../domain/order-events.ts';
import {
  CancellationStatus,
  type Money,
  type Order,
  type OrderEvent,
  OrderStatus,
  PaymentMode,
  RefundStatus,
} from './protobuf/oms/v1/order_service.ts';

const statuses: Record<DomainOrderStatus, OrderStatus> = {
  pending: OrderStatus.PENDING,
  reserved: OrderStatus.RESERVED,
  paid: OrderStatus.PAID,
  completed: OrderStatus.COMPLETED,
  fulfilled: OrderStatus.FULFILLED,
  failed: OrderStatus.FAILED,
  cancelled: OrderStatus.CANCELLED,
  refunded: OrderStatus.REFUNDED,
};

const paymentModes: Record<DomainPaymentMode, PaymentMode> = {
  automatic: PaymentMode.AUTOMATIC,
  manual: PaymentMode.MANUAL,
};

const refundStatuses: Record<DomainRefund['status'], RefundStatus> = {
  requested: RefundStatus.REQUESTED,
  refunded: RefundStatus.REFUNDED,
  rejected: RefundStatus.REJECTED,
};

const cancellationStatuses: Record<DomainCancellation['status'], CancellationStatus> = {
  requested: CancellationStatus.REQUESTED,
  accepted: CancellationStatus.ACCEPTED,
  rejected: CancellationStatus.REJECTED,
};

/** An order as the gRPC API shows it. */
export function toOrderMessage(order: DomainOrder): Order {
  const { id, customerId, currency, description, metadata, failure, paymentRequested, cancellation } = order;
  const money = (amountMinor: number): Money => ({ currency, amountMinor: BigInt(amountMinor) });
  return {
    id,
    customerId,
    status: toStatusMessage(order.status),
    currency,
    items: order.items.map(({ sku, quantity, unitPriceMinor }) => ({
      sku,
      quantity,
      unitPrice: money(unitPriceMinor),
    })),
    total: money(order.totalMinor),
    description: description ?? undefined,
    metadata: { ...metadata },
    failure: failure ?? undefined,
    paymentMode: paymentModes[order.payment],
    paymentRequested,
    paid: money(order.paidMinor),
    refunded: money(refundedMinorOf(order)),
    refunds: order.refunds.map(({ id, amountMinor, reason, status }) => ({
      id,
      amount: money(amountMinor),
      reason,
      status: refundStatuses[status],
    })),
    cancellation: cancellation
      ? {
          status: cancellationStatuses[cancellation.status],
          reason: cancellation.reason,
          message: cancellation.message,
        }
      : undefined,
    version: order.version,
    createTime: order.createdAt,
    updateTime: order.updatedAt,
  };
}

/** What the status becomes, by the type of what happened. */
const statusesAfter: Readonly<Partial<Record<string, DomainOrderStatus>>> = statusAfter;

/** Something that happened to an order, as the gRPC API shows it. */
export function toEventMessage({ at, type, detail }: HistoryEntry): OrderEvent {
  const status = statusesAfter[type];
  return { ...detail, type, time: at, status: status ? toStatusMessage(status) : OrderStatus.UNSPECIFIED };
}

export function toStatusMessage(status: DomainOrderStatus): OrderStatus {
  return statuses[status];
}

/** Nothing for what is not given; what nobody knows stays as it is, so that it is refused where it is read. */
export function fromStatusMessage(status: OrderStatus): string | undefined {
  return nameOf(statuses, status, OrderStatus.UNSPECIFIED);
}

/** Like {@link fromStatusMessage}. */
export function fromPaymentModeMessage(mode: PaymentMode): string | undefined {
  return nameOf(paymentModes, mode, PaymentMode.UNSPECIFIED);
}

function nameOf(
  names: Readonly<Record<string, string>>,
  value: string,
  unspecified: string,
): string | undefined {
  if (value === unspecified) return undefined;
  return Object.keys(names).find((name) => names[name] === value) ?? value;
}
