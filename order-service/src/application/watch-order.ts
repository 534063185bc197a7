import { type Caller, mayActForAll } from '#shared/auth/caller.ts';
import type { Clock } from '#shared/kernel/clock.ts';
import { AppError } from '#shared/kernel/errors.ts';
import { sleep } from '#shared/kernel/sleep.ts';
import { hasEnded } from '../domain/order.ts';
import type { OrderUpdates } from './order-updates.ts';
import type { HistoryEntry } from './ports/order-progress.ts';
import type { ReadOrders } from './read-orders.ts';

/** How many watches a customer may have at each process, so that none takes up all the room there is. */
export const mostWatchesPerCustomer = 50;

/** A longer one ends at once. */
const longestTimerMs = 2_147_483_647;

export interface WatchRequest {
  readonly orderId: string;
  /** The last version of the order that is known; 0 for none. */
  readonly after: number;
  readonly caller: Caller;
  /** Ends it. Has to be aborted in any case once nobody listens. */
  readonly signal: AbortSignal;
}

/**
 * Follows the history of an order behind a version. Answers nothing if the order has ended and all of it is known.
 *
 * @throws AppError `ORDER_NOT_FOUND`, `VERSION_NOT_REACHED`, `TOO_MANY_WATCHERS` also of one customer; what
 * {@link OrderUpdates} throw; while iterating, `UNAUTHENTICATED` when the caller is not believed any longer.
 */
export type WatchOrder = (request: WatchRequest) => Promise<AsyncIterable<HistoryEntry> | undefined>;

export function createWatchOrder(dependencies: {
  readOrders: Pick<ReadOrders, 'get'>;
  orderUpdates: Pick<OrderUpdates, 'watch'>;
  clock: Clock;
}): WatchOrder {
  const { readOrders, orderUpdates, clock } = dependencies;
  const watches = new Map<string, number>();

  /** Counts a watch of a customer until it is over. */
  function count({ subject }: Caller, signal: AbortSignal): void {
    const others = watches.get(subject) ?? 0;
    if (others >= mostWatchesPerCustomer) throw tooManyWatches();
    if (signal.aborted) return;
    watches.set(subject, others + 1);
    const uncount = () => {
      const left = (watches.get(subject) ?? 1) - 1;
      if (left > 0) watches.set(subject, left);
      else watches.delete(subject);
    };
    signal.addEventListener('abort', uncount, { once: true });
  }

  /** Watches until `expiresAt` at most. */
  function watchUntil(
    expiresAt: Date,
    { orderId, after, signal }: WatchRequest,
  ): AsyncIterable<HistoryEntry> {
    const life = new AbortController();
    const entries = orderUpdates.watch(orderId, { after, signal: life.signal });
    const remainingMs = expiresAt.getTime() - clock().getTime();
    void sleep(Math.min(remainingMs, longestTimerMs), signal).then(() => life.abort());
    return (async function* () {
      yield* entries;
      if (life.signal.aborted && !signal.aborted) throw expired();
    })();
  }

  return async (request) => {
    const { orderId, after, caller, signal } = request;
    const order = await readOrders.get(orderId, caller);
    if (after > order.version) throw notReached(order.version);
    if (after === order.version && hasEnded(order)) return undefined;
    if (!mayActForAll(caller)) count(caller, signal);
    if (caller.expiresAt) return watchUntil(caller.expiresAt, request);
    return orderUpdates.watch(orderId, { after, signal });
  };
}

function notReached(version: number): AppError {
  return new AppError({
    code: 'VERSION_NOT_REACHED',
    kind: 'rejected',
    message: `the order has only reached version ${version}`,
  });
}

function tooManyWatches(): AppError {
  return new AppError({
    code: 'TOO_MANY_WATCHERS',
    kind: 'unavailable',
    message: `this process serves ${mostWatchesPerCustomer} watches of this customer already`,
  });
}

function expired(): AppError {
  return new AppError({ code: 'UNAUTHENTICATED', kind: 'rejected', message: 'the token has expired' });
}
