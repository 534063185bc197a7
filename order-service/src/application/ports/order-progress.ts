import type { TimelineEntry } from './order-repository.ts';

/** An entry of an order's history. `position` is the version it made: it counts from 1, without gaps. */
export interface HistoryEntry extends TimelineEntry {
  readonly kind: 'history';
  readonly position: number;
}

/** What came behind a position in an order's history, oldest first, and whether nothing can come any more. */
export interface OrderNews {
  readonly entries: readonly HistoryEntry[];
  readonly hasEnded: boolean;
}

/** What order_db tells about orders that are watched. */
export interface OrderProgress {
  /** What is new of each of these, in their order, all from one state of the database. May throw `DATABASE_UNAVAILABLE`. */
  behind(
    positions: readonly { readonly orderId: string; readonly after: number }[],
  ): Promise<readonly OrderNews[]>;
}
