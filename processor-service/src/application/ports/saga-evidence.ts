import type { OutboxEntry } from '#shared/audit/outbox-entry.ts';
import type { SagaState } from '../../domain/saga.ts';

/** What processor_db knows about one order, as of one moment. */
export interface SagaEvidence {
  readonly id: string;
  /** `null`: nothing of the order has arrived, or other tables name a saga that is not there. */
  readonly saga: AuditedSaga | null;
  readonly reservations: readonly Reservation[];
  /** What was announced, by sequence. */
  readonly announced: readonly OutboxEntry[];
}

export interface AuditedSaga {
  readonly state: SagaState;
  readonly run: number;
  /** One line for each SKU, however often it was listed. */
  readonly lines: readonly Line[];
  readonly totalMinor: number;
  readonly paymentId: string | null;
  readonly failure: { readonly code: string; readonly message: string; readonly recoverable: boolean } | null;
  readonly trouble: { readonly code: string } | null;
  readonly cancelRequested: boolean;
  readonly refunds: readonly { readonly id: string; readonly amountMinor: number; readonly state: string }[];
  readonly eventSequence: number;
  readonly startedAt: number;
  readonly updatedAt: number;
  readonly deadlineAt: number | null;
}

export interface Line {
  readonly sku: string;
  readonly quantity: number;
}

export interface Reservation extends Line {
  readonly state: string;
}

/** Stock of a SKU, and what the reservations of sagas under way add up to. */
export interface StockEvidence {
  readonly id: string;
  readonly onHand: number;
  readonly reserved: number;
  readonly shipped: number;
  readonly received: number;
  readonly held: number;
}
