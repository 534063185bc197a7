import type { Terms } from './check.ts';

/** A row of the outbox, as far as it matters here. */
export interface OutboxEntry {
  readonly messageId: string;
  readonly type: string;
  readonly sequence: number;
  readonly payload: string;
  /** When it was committed, and when the broker confirmed it, if it has. */
  readonly createdAt: number;
  readonly publishedAt: number | null;
}

/** Whether what was announced at this time may have been deleted from the outbox. */
export function mayBeForgotten(at: number, terms: Terms): boolean {
  return at < terms.at - terms.outboxRetentionMs;
}

/** Whether the rows, in the order of their sequences, count up to `last` without a gap; old ones may be gone. */
export function countsUpTo(last: number, rows: readonly { readonly sequence: number }[]): boolean {
  const first = last - rows.length + 1;
  return first >= 1 && rows.every(({ sequence }, index) => sequence === first + index);
}

/** The `data` of a message. What is no JSON has none. */
export function dataOf(payload: string): Readonly<Record<string, unknown>> {
  try {
    return (JSON.parse(payload) as { data?: Record<string, unknown> }).data ?? {};
  } catch {
    return {};
  }
}

/** What makes one message of a type about an order another one than the next: the run, and the refund it is about. */
export function turnOf(payload: string): string {
  const { run, refundId } = dataOf(payload);
  return JSON.stringify([run, refundId]);
}
