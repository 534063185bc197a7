import type { Pool } from 'pg';
import { Histogram } from 'prom-client';
import { registerLookedUpGauges } from '../metrics/looked-up-gauges.ts';
import { waitingBuckets } from '../metrics/registry.ts';
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
  const look = async () => (await query<Backlog>(pool, countBacklog, []))[0];
  registerLookedUpGauges(look, [
    {
      name: 'oms_outbox_backlog',
      help: 'Messages that are not published yet; counted up to 10000. Every replica tells all of them: take the maximum by service',
      tell: (gauge, { messages }) => gauge.set(messages),
    },
    {
      name: 'oms_outbox_oldest_unpublished_age_seconds',
      help: 'How long the oldest message that is not published has been waiting; 0 without any. Take the maximum by service',
      tell: (gauge, { oldestSeconds }) => gauge.set(oldestSeconds),
    },
  ]);
}
