import { firstIdAt, timeOfId } from '../kernel/ids.ts';

/** A way through the orders, in an order of its own, that remembers how far it has come. */
export interface Feed {
  readonly name: string;
  /** What is on it, for people. */
  readonly covers: string;
  /** The next orders behind `position`, at most `limit`. */
  next(position: string | null, limit: number, at: number): Promise<FeedPage>;
}

export interface FeedPage {
  readonly ids: readonly string[];
  readonly position: string | null;
  /** Up to when this way has been gone, in milliseconds since 1970. */
  readonly until: number | null;
  /** Nothing is left on it for now. */
  readonly isAtEnd: boolean;
}

const firstId = '00000000-0000-0000-0000-000000000000';

/**
 * Every order again and again, by id: whatever becomes of a row, by whatever hand, is seen in the next round.
 *
 * @param next the orders behind one, by id
 */
export function sweep(next: (after: string, limit: number) => Promise<readonly string[]>): Feed {
  return { name: 'sweep', covers: 'every order, round after round', next: goRound(next) };
}

/** The orders that have not ended although they had the time, again and again. */
export function openOrders(
  next: (after: string, limit: number, until: string) => Promise<readonly string[]>,
  overdueMs: number,
): Feed {
  return {
    name: 'open',
    covers: 'orders that have not ended and should have',
    next: (position, limit, at) =>
      goRound((after, most) => next(after, most, firstIdAt(Math.max(0, at - overdueMs))))(
        position,
        limit,
        at,
      ),
  };
}

/** Of a way that is short at all times and is gone from its beginning each time. */
export function worstFirst(
  name: string,
  covers: string,
  next: (limit: number) => Promise<readonly string[]>,
): Feed {
  return {
    name,
    covers,
    async next(_position, limit, at) {
      return { ids: await next(limit), position: null, until: at, isAtEnd: true };
    },
  };
}

function goRound(next: (after: string, limit: number) => Promise<readonly string[]>) {
  return async (position: string | null, limit: number, at: number): Promise<FeedPage> => {
    const ids = await next(position ?? firstId, limit);
    const last = ids.at(-1);
    const isAtEnd = ids.length < limit;
    const until = isAtEnd || last === undefined ? at : Math.min(at, timeOfId(last));
    return { ids, position: isAtEnd || last === undefined ? null : last, until, isAtEnd };
  };
}

/** No transaction lasts longer, so that behind this horizon no row appears between those that were seen. */
const settlingMs = 60_000;

export interface Announcement {
  readonly id: number;
  readonly orderId: string;
  readonly createdAt: number;
}

/**
 * The orders about which something was announced, soon after: the outbox is the journal of a service's changes.
 *
 * @param next the rows of the outbox behind one, by id
 */
export function changes(next: (after: number, limit: number) => Promise<readonly Announcement[]>): Feed {
  return {
    name: 'changes',
    covers: 'orders about which something was announced',
    async next(position, limit, at) {
      const rows = await next(Number(position ?? 0), limit);
      const young = rows.findIndex(({ createdAt }) => createdAt > at - settlingMs);
      const settled = young === -1 ? rows : rows.slice(0, young);
      const last = settled.at(-1);
      const isAtEnd = settled.length < limit;
      return {
        ids: [...new Set(settled.map(({ orderId }) => orderId))],
        position: last ? String(last.id) : position,
        until: isAtEnd || !last ? at - settlingMs : last.createdAt,
        isAtEnd,
      };
    },
  };
}
