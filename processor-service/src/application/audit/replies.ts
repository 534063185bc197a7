import { dataOf, type OutboxEntry } from '#shared/audit/outbox-entry.ts';
import type { AuditedSaga } from '../ports/saga-evidence.ts';

/** Operators are reported outside of the sequence of an order, and change nothing about it. */
export function inSequence(announced: readonly OutboxEntry[]): readonly OutboxEntry[] {
  return announced.filter(({ type }) => type !== 'order.operator_acted.v1');
}

/** How an order ends, as a reply tells it. */
export interface Ending {
  readonly end: string;
  readonly failure?: AuditedSaga['failure'];
}

/** What a reply says about the end of its order; `undefined`: that it goes on. */
export function endingIn({ type, payload }: Pick<OutboxEntry, 'type' | 'payload'>): Ending | undefined {
  const { status, full, failure } = dataOf(payload);
  if (type === 'order.processed.v1')
    return { end: String(status), failure: failure as AuditedSaga['failure'] };
  if (type === 'order.cancelled.v1') return { end: 'cancelled' };
  return type === 'order.refunded.v1' && full === true ? { end: 'refunded' } : undefined;
}

/** Whether a reply tells of this end, and, of a failure, of this one. */
export function tells(
  { end, failure: told }: Ending,
  { end: state, failure: known }: { end: string; failure: AuditedSaga['failure'] },
): boolean {
  if (end !== state) return false;
  if (end !== 'failed') return true;
  return (
    told?.code === known?.code && told?.message === known?.message && told?.recoverable === known?.recoverable
  );
}
