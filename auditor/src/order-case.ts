import { waitsForCustomer } from '#order-service/application/audit/order-standing.ts';
import type { OrderEvidence } from '#order-service/application/ports/order-evidence.ts';
import type { LedgerEntry } from '#payment-sandbox/contract.ts';
import { hasEnded, waitsForOperator } from '#processor-service/application/audit/saga-standing.ts';
import type { SagaEvidence } from '#processor-service/application/ports/saga-evidence.ts';
import type { WorkQueueName } from '#shared/contracts/topology.ts';

/** What all witnesses know about one order. They were asked one after the other: what is in flight may not fit. */
export interface OrderCase {
  readonly id: string;
  readonly inOrders: OrderEvidence;
  readonly inProcessor: SagaEvidence;
  /** `null`: the provider could not be asked. */
  readonly ledger: readonly LedgerEntry[] | null;
  /** `null`: the broker could not be asked. */
  readonly letters: readonly DeadLetter[] | null;
  /** Ids of the messages by which operators replaced others about the order. */
  readonly edits: readonly string[];
}

export interface DeadLetter {
  readonly queue: WorkQueueName;
  readonly messageId: string;
  /** When the message was made, in milliseconds since 1970; of one that does not say, now. */
  readonly time: number;
  /** `false`: it is nothing that one of our services wrote. */
  readonly namesOrder: boolean;
}

/** Whether all that was announced about the order has been taken account of, and nothing is left to do without a person. */
export function isAtRest({ inOrders: { order, announced }, inProcessor }: OrderCase): boolean {
  const { saga } = inProcessor;
  if (!order || !saga) return false;
  const isPublished = [...announced, ...inProcessor.announced].every(
    ({ publishedAt }) => publishedAt !== null,
  );
  const rests =
    hasEnded(saga) ||
    waitsForOperator(saga) ||
    (saga.state === 'awaiting_payment' && waitsForCustomer(order));
  return isPublished && rests && order.processingSequence === saga.eventSequence;
}

/** Whether neither database has heard anything new about the order for so long. */
export function isQuietFor(forMs: number, { inOrders, inProcessor }: OrderCase, at: number): boolean {
  const latest = Math.max(inOrders.order?.updatedAt ?? 0, inProcessor.saga?.updatedAt ?? 0);
  return at - latest >= forMs;
}
