import type { Pool } from 'pg';
import { Gauge, Histogram } from 'prom-client';
import { metricsRegistry, waitingBuckets } from '../metrics/registry.ts';
import { query } from '../postgres/statement.ts';
import { countBacklog } from './sql.ts';

export const publishingDelay = new Histogram({
  name: 'oms_outbox_publishing_delay_seconds',
  help: 'From the commit of a message to the confirm of the broker',
  buckets: waitingBuckets,
});

interface Backlog {
  readonly messages: number;
  readonly oldestSeconds: number;
}

/** Looks at the outbox whenever metrics are asked for; without its database it says nothing. */
export function measureOutbox(pool: Pool): void {
  let looking: Promise<Backlog | undefined> | undefined;

  /** One look for both gauges. */
  function look(): Promise<Backlog | undefined> {
    looking ??= query<Backlog>(pool, countBacklog, [])
      .then(
        ([found]) => found,
        () => undefined,
      )
      .finally(() => {
        looking = undefined;
      });
    return looking;
  }

  function gauge(name: string, help: string, of: (found: Backlog) => number): void {
    metricsRegistry.registerMetric(
      new Gauge({
        name,
        help,
        registers: [],
        async collect() {
          const found = await look();
          if (found) this.set(of(found));
          else this.remove();
        },
      }),
    );
  }

  gauge(
    'oms_outbox_backlog',
    'Messages that are not published yet; counted up to 10000',
    ({ messages }) => messages,
  );
  gauge(
    'oms_outbox_oldest_unpublished_age_seconds',
    'How long the oldest message that is not published has been waiting; 0 without any',
    ({ oldestSeconds }) => oldestSeconds,
  );
}
