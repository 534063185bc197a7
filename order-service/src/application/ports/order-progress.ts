import type { TimelineEntry } from './order-repository.ts';

/** An entry of an order's history. */
export interface HistoryEntry extends TimelineEntry {
  readonly kind: 'history';
  readonly detail: {
    /** The version of the order that it made: they count from 1, without gaps, and never change. */
    readonly version: number;
    readonly actor: string;
    readonly correlationId: string;
    readonly traceId: string;
    readonly data: Readonly<Record<string, unknown>>;
  };
}

/** What came behind a version in an order's history, oldest first, and whether nothing can come any more. */
export interface OrderNews {
  readonly entries: readonly HistoryEntry[];
  readonly hasEnded: boolean;
}

/** What order_db tells about orders that are watched. */
export interface OrderProgress {
  /** What is new of each of these, in their order, all from one state of the database. May throw `DATABASE_UNAVAILABLE`. */
  behind(
    versions: readonly { readonly orderId: string; readonly after: number }[],
  ): Promise<readonly OrderNews[]>;
}
