import type { ReservationChange } from '../../application/ports/saga-repository.ts';
import type { OrderToProcess } from '../../domain/order-to-process.ts';
import type { Refund, Saga, SagaState } from '../../domain/saga.ts';
import type { SagaFailure, Trouble } from '../../domain/saga-failure.ts';
import type { Stock } from '../../domain/stock.ts';

export interface SagaRow {
  readonly order_id: string;
  readonly state: SagaState;
  readonly run: number;
  readonly replays: number;
  readonly order: OrderToProcess;
  readonly message_id: string;
  readonly correlation_id: string;
  readonly traceparent: string;
  readonly payment_id: string | null;
  readonly failure: SagaFailure | null;
  readonly payment_requested: boolean;
  readonly cancel_requested: boolean;
  readonly refunds: readonly Refund[];
  readonly attempts: number;
  readonly trouble: Trouble | null;
  readonly event_sequence: number;
  readonly started_at: Date;
  readonly updated_at: Date;
  readonly deadline_at: Date | null;
}

export function toSagaRow(saga: Saga): SagaRow {
  return {
    order_id: saga.order.orderId,
    state: saga.state,
    run: saga.run,
    replays: saga.replays,
    order: saga.order,
    message_id: saga.messageId,
    correlation_id: saga.correlationId,
    traceparent: saga.traceparent,
    payment_id: saga.paymentId,
    failure: saga.failure,
    payment_requested: saga.paymentRequested,
    cancel_requested: saga.cancelRequested,
    refunds: saga.refunds,
    attempts: saga.attempts,
    trouble: saga.trouble,
    event_sequence: saga.eventSequence,
    started_at: saga.startedAt,
    updated_at: saga.updatedAt,
    deadline_at: saga.deadlineAt,
  };
}

export function fromSagaRow(row: SagaRow): Saga {
  return {
    order: row.order,
    state: row.state,
    run: row.run,
    replays: row.replays,
    messageId: row.message_id,
    correlationId: row.correlation_id,
    traceparent: row.traceparent,
    paymentId: row.payment_id,
    failure: row.failure,
    paymentRequested: row.payment_requested,
    cancelRequested: row.cancel_requested,
    refunds: row.refunds,
    attempts: row.attempts,
    trouble: row.trouble,
    eventSequence: row.event_sequence,
    startedAt: row.started_at,
    updatedAt: row.updated_at,
    deadlineAt: row.deadline_at,
  };
}

export interface StockRow {
  readonly sku: string;
  readonly on_hand: number;
  readonly reserved: number;
  readonly shipped: number;
}

export function fromStockRow(row: StockRow): Stock {
  return { sku: row.sku, onHand: row.on_hand, reserved: row.reserved, shipped: row.shipped };
}

export function toStockRow(stock: Stock, updatedAt: Date): StockRow & { readonly updated_at: Date } {
  const { sku, onHand: on_hand, reserved, shipped } = stock;
  return { sku, on_hand, reserved, shipped, updated_at: updatedAt };
}

export function toReservationRows(change: ReservationChange, updatedAt: Date): Record<string, unknown>[] {
  return change.lines.map(({ sku, quantity }) => ({
    order_id: change.orderId,
    sku,
    quantity,
    state: change.state,
    updated_at: updatedAt,
  }));
}
