import type { SagaState } from '../../domain/saga.ts';
import type { AuditedSaga, Line } from '../ports/saga-evidence.ts';

const ended: readonly SagaState[] = ['completed', 'failed', 'cancelled', 'refunded'];

/** Whether nothing is left to do, not even a refund. */
export function hasEnded({ state, refunds }: AuditedSaga): boolean {
  return ended.includes(state) && !refunds.some((refund) => refund.state === 'requested');
}

/** Whether a saga can only be finished after an operator has resumed it. */
export function waitsForOperator({ state, refunds }: AuditedSaga): boolean {
  return state === 'needs_attention' || refunds.some((refund) => refund.state === 'needs_attention');
}

/** Whether a failure waits for a replay of its message. */
export function isRecoverable({ state, failure, cancelRequested }: AuditedSaga): boolean {
  return state === 'failed' && failure?.recoverable === true && !cancelRequested;
}

/** What went back to the customer, in minor units. */
export function refundedMinorOf({ refunds }: AuditedSaga): number {
  return refunds
    .filter(({ state }) => state === 'refunded')
    .reduce((sum, { amountMinor }) => sum + amountMinor, 0);
}

/** Lines as text, for comparison. */
export function listOf(lines: readonly Line[]): string {
  return lines
    .map(({ sku, quantity }) => `${quantity} ${sku}`)
    .sort()
    .join(', ');
}
