import { AppError } from '#shared/kernel/errors.ts';
import { sleep } from '#shared/kernel/sleep.ts';
import type { Logger } from '#shared/observability/logger.ts';
import type { HistoryEntry, OrderNews, OrderProgress } from './ports/order-progress.ts';

/** Follows the histories of orders as they grow, for any number of watchers and over any transport. */
export interface OrderUpdates {
  /**
   * The history of an order that exists, from behind the version `after` on: each one once, in order, whichever process
   * caused it. Ends when the order has ended for good, or on `signal`, which has to be aborted in any case: until then the
   * watcher counts. Nothing piles up for one that is slow: more is read when it has taken what there was.
   *
   * @throws AppError `TOO_MANY_WATCHERS` at once; `SHUTTING_DOWN` while iterating
   */
  watch(orderId: string, options: { after: number; signal: AbortSignal }): AsyncIterable<HistoryEntry>;
  /** This process has changed orders: look now, not when it is time. */
  look(): void;
  /** Lets every watcher go. */
  stop(): Promise<void>;
}

interface Waiting {
  readonly orderId: string;
  readonly after: number;
  /** Without news, the watcher is let go. */
  readonly settle: (news?: OrderNews) => void;
}

/**
 * One loop that asks, with a single query, for all that everybody waits for: every `pollIntervalMs`, sooner after
 * `look()`, but never before `shortestPauseMs` have passed. Without watchers it does not ask.
 */
export function createOrderUpdates(dependencies: {
  progress: OrderProgress;
  maxWatchers: number;
  pollIntervalMs: number;
  shortestPauseMs: number;
  logger: Logger;
}): OrderUpdates {
  const { progress, maxWatchers, pollIntervalMs, shortestPauseMs, logger } = dependencies;
  const waiting = new Set<Waiting>();
  let watchers = 0;
  let isStopping = false;
  let running: Promise<void> | undefined;
  let wake = new AbortController();

  async function ask(): Promise<void> {
    const asked = [...Map.groupBy(waiting, ({ orderId }) => orderId)];
    const found = await progress.behind(
      asked.map(([orderId, group]) => ({ orderId, after: leastOf(group) })),
    );
    for (const [index, [, group]] of asked.entries()) {
      const { entries = [], hasEnded = false } = found[index] ?? {};
      for (const { after, settle } of group) {
        const unseen = entries.filter(({ detail }) => detail.version > after);
        if (unseen.length > 0 || hasEnded) settle({ entries: unseen, hasEnded });
      }
    }
  }

  async function run(): Promise<void> {
    while (waiting.size > 0) {
      wake = new AbortController();
      await ask().catch((error: unknown) => logger.warn({ err: error }, 'cannot look for changed orders'));
      await sleep(shortestPauseMs);
      await sleep(pollIntervalMs - shortestPauseMs, wake.signal);
    }
    running = undefined;
  }

  function newsOf(orderId: string, after: number, signal: AbortSignal): Promise<OrderNews | undefined> {
    return new Promise((resolve) => {
      const letGo = () => one.settle();
      const one: Waiting = {
        orderId,
        after,
        settle(news) {
          waiting.delete(one);
          signal.removeEventListener('abort', letGo);
          resolve(news);
        },
      };
      if (isStopping || signal.aborted) return resolve(undefined);
      signal.addEventListener('abort', letGo);
      waiting.add(one);
      wake.abort();
      running ??= run();
    });
  }

  async function* follow(orderId: string, from: number, signal: AbortSignal): AsyncGenerator<HistoryEntry> {
    let after = from;
    while (true) {
      const news = await newsOf(orderId, after, signal);
      if (signal.aborted) return;
      if (!news) throw shuttingDown();
      for (const entry of news.entries) {
        yield entry;
        after = entry.detail.version;
      }
      if (news.hasEnded) return;
    }
  }

  return {
    watch(orderId, { after, signal }) {
      if (watchers >= maxWatchers) throw tooManyWatchers(maxWatchers);
      if (!signal.aborted) {
        watchers += 1;
        signal.addEventListener('abort', () => (watchers -= 1), { once: true });
      }
      return follow(orderId, after, signal);
    },
    look: () => wake.abort(),
    async stop() {
      isStopping = true;
      for (const { settle } of waiting) settle();
      wake.abort();
      await running;
    },
  };
}

/** Behind which version something may be new to one of them. */
function leastOf(group: readonly Waiting[]): number {
  return group.reduce((least, { after }) => Math.min(least, after), Number.POSITIVE_INFINITY);
}

function shuttingDown(): AppError {
  return new AppError({
    code: 'SHUTTING_DOWN',
    kind: 'unavailable',
    message: 'the service is shutting down',
  });
}

function tooManyWatchers(most: number): AppError {
  return new AppError({
    code: 'TOO_MANY_WATCHERS',
    kind: 'unavailable',
    message: `this process serves ${most} watchers already`,
  });
}
