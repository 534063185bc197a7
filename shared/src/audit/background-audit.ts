import type { Clock } from '../kernel/clock.ts';
import type { Logger } from '../observability/logger.ts';
import { createPeriodicWork, type PeriodicWork } from '../process/periodic-work.ts';
import { countChecked } from './audit-metrics.ts';
import type { AuditStore, FeedProgress } from './audit-store.ts';
import type { Finding } from './check.ts';
import type { Feed } from './feeds.ts';

/** How many orders one statement reads. */
const pageSize = 100;
const ordersSource = 'orders';
const nothingYet: FeedProgress = { position: null, until: null, completedAt: null };

/** A check of the whole instead of one order, for one statement each. */
export interface WholeCheck {
  /** What its findings are kept under. */
  readonly source: string;
  /** `undefined`: it cannot tell at the moment. */
  find(at: number): Promise<readonly Finding[] | undefined>;
}

/**
 * Looks after the invariants of one service's database in the background: a run every `intervalMs`, in one of the
 * replicas, over at most `ordersPerRun` orders, whatever the number of rows. Where it is, is in the database: a restart
 * goes on there. What was found is looked at again in every run until it is gone.
 *
 * @param options.look what is wrong with these orders
 */
export function createBackgroundAudit(options: {
  store: AuditStore;
  feeds: readonly Feed[];
  look: (ids: readonly string[], at: number) => Promise<readonly Finding[]>;
  whole: readonly WholeCheck[];
  clock: Clock;
  intervalMs: number;
  ordersPerRun: number;
  logger: Logger;
}): PeriodicWork {
  const { store, feeds, look, whole, clock, intervalMs, ordersPerRun, logger } = options;
  /** Nobody waits for the rest of a run. */
  let isStopping = false;

  async function keep(
    source: string,
    subjects: readonly string[] | 'all',
    findings: readonly Finding[],
  ): Promise<void> {
    for (const finding of await store.replace(source, subjects, findings))
      logger.error({ ...finding }, 'an invariant is broken');
  }

  async function lookAt(ids: readonly string[]): Promise<number> {
    for (let from = 0; from < ids.length; from += pageSize) {
      const page = ids.slice(from, from + pageSize);
      const findings = await look(page, clock().getTime());
      await keep(ordersSource, page, findings);
      countChecked(page.length);
      if (isStopping) break;
    }
    return ids.length;
  }

  async function goOn(
    feed: Feed,
    progress: FeedProgress,
    share: number,
  ): Promise<{ progress: FeedProgress; checked: number }> {
    let { position, until, completedAt } = progress;
    let checked = 0;
    for (let rows = 0; rows < share && !isStopping; rows += pageSize) {
      const at = clock().getTime();
      const page = await feed.next(position, Math.min(pageSize, share - rows), at);
      checked += await lookAt(page.ids);
      ({ position, until } = page);
      if (!page.isAtEnd) continue;
      completedAt = at;
      break;
    }
    return { progress: { position, until, completedAt }, checked };
  }

  /** @returns that there is nothing more to do before the next interval */
  async function run(): Promise<boolean> {
    // A timer may be early by some milliseconds.
    const known = await store.begin(0.9 * intervalMs);
    if (!known) return false;
    let checked = await lookAt(await store.suspects(ordersSource, Math.ceil(ordersPerRun / 2)));
    const progress: Record<string, FeedProgress> = {};
    for (const [index, feed] of feeds.entries()) {
      // What one does not need is there for those after it.
      const share = Math.ceil((ordersPerRun - checked) / (feeds.length - index));
      const gone = await goOn(feed, known[feed.name] ?? nothingYet, share);
      progress[feed.name] = gone.progress;
      checked += gone.checked;
    }
    for (const { source, find } of whole) {
      const findings = await find(clock().getTime());
      if (findings) await keep(source, 'all', findings);
    }
    await store.finish(progress, checked);
    return false;
  }

  const work = createPeriodicWork({
    work: run,
    intervalMs,
    complaint: 'cannot audit the invariants',
    logger,
  });
  return {
    ...work,
    stop() {
      isStopping = true;
      return work.stop();
    },
  };
}
