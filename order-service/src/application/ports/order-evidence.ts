import type { OutboxEntry } from '#shared/audit/outbox-entry.ts';
import type { OrderStatus } from '../../domain/order.ts';

/** What order_db knows about one order, as of one moment. */
export interface OrderEvidence {
  readonly id: string;
  /** `null`: other tables name it, and there is none. */
  readonly order: AuditedOrder | null;
  /** One line for each SKU, however often it was listed. */
  readonly lines: readonly { readonly sku: string; readonly quantity: number }[];
  readonly history: readonly HistoryEntry[];
  /** What came from the processor, by sequence. */
  readonly inbox: readonly InboxEntry[];
  /** Ids of the reports about operators that were taken down. */
  readonly operatorActions: readonly string[];
  /** What was announced, by sequence. */
  readonly announced: readonly OutboxEntry[];
}

export interface AuditedOrder {
  readonly customerId: string;
  readonly status: OrderStatus;
  readonly currency: string;
  readonly totalMinor: number;
  readonly failure: AuditedFailure | null;
  readonly payment: 'automatic' | 'manual';
  readonly paymentRequested: boolean;
  readonly paidMinor: number;
  readonly refunds: readonly { readonly id: string; readonly amountMinor: number; readonly status: string }[];
  readonly cancellation: { readonly status: string } | null;
  readonly version: number;
  readonly processingSequence: number;
  readonly eventSequence: number;
  readonly updatedAt: number;
}

export interface AuditedFailure {
  readonly code: string;
  readonly message: string;
  readonly recoverable: boolean;
}

export interface HistoryEntry {
  readonly version: number;
  readonly type: string;
  /** The refund it is about, if it is about one. */
  readonly refundId: string | null;
  readonly occurredAt: number;
}

export interface InboxEntry {
  readonly messageId: string;
  readonly type: string;
  readonly sequence: number;
  readonly outcome: string;
  readonly receivedAt: number;
}
