import pg from 'pg';
import type { Logger } from 'pino';
import { type Backoff, backoffDelay } from '../kernel/backoff.ts';
import type { Failpoint } from '../kernel/failpoints.ts';
import { sleep } from '../kernel/sleep.ts';
import { confirmTimeoutMs, type Publisher } from '../messaging/publisher.ts';
import { alwaysByIndex } from '../postgres/pool.ts';
import { query } from '../postgres/statement.ts';
import { createPulse } from '../process/pulse.ts';
import { type ClaimedMessage, createPublishBatch } from './publish-batch.ts';
import { joinShardOwnership, type ShardOwnership } from './shard-ownership.ts';
import { claimMessages, deletePublished } from './sql.ts';

/** Brings committed messages to the broker. */
export interface Relay {
  start(): void;
  /** Something was committed: look now instead of at the next poll. */
  wake(): void;
  /** It has not looked into the outbox for minutes, nor tried to. */
  isStuck(): boolean;
  /** Finishes the batch under way. */
  stop(): Promise<void>;
}

const batchSize = 500;
const rebalanceEveryMs = 1_000;
const cleanEveryMs = 30_000;
const cleanBatchSize = 1_000;
/** A relay that is frozen this long loses its session, and with it its shards; one that waits for confirms must not. */
const sessionTimeoutMs = confirmTimeoutMs + 5_000;
const sessionBackoff: Backoff = { initialMs: 100, maximumMs: 3_000 };

/**
 * Publishes the outbox with any number of relays side by side: each owns shards through session-level advisory locks
 * and claims, publishes and marks on that same session, so that one which lost its locks cannot claim either. A row
 * stays until the broker confirmed it. Messages of one order go out one after the other, those of different orders
 * together.
 */
export function createRelay(options: {
  databaseUrl: string;
  name: string;
  publisher: Publisher;
  pollIntervalMs: number;
  retentionMs: number;
  failpoint: Failpoint;
  logger: Logger;
}): Relay {
  const { databaseUrl, name, publisher, pollIntervalMs, retentionMs, failpoint, logger } = options;
  const stopping = new AbortController();
  const pulse = createPulse();
  const publishBatch = createPublishBatch({ publisher, onConfirmed: pulse.beat, failpoint, logger });
  let alarm = new AbortController();
  let running: Promise<void> | undefined;

  /** Sleeps until the next poll, a wake-up or the stop, whichever comes first. */
  async function rest(milliseconds: number): Promise<void> {
    await sleep(milliseconds, AbortSignal.any([alarm.signal, stopping.signal]));
  }

  async function serve(session: pg.Client, shards: ShardOwnership): Promise<void> {
    let rebalanceAt = 0;
    let cleanAt = Date.now() + cleanEveryMs;
    while (!stopping.signal.aborted) {
      pulse.beat();
      // Replaced before looking: a wake-up during the look is then noticed by the rest that follows it.
      alarm = new AbortController();
      if (Date.now() >= rebalanceAt) {
        await shards.rebalance();
        rebalanceAt = Date.now() + rebalanceEveryMs;
      }
      if (Date.now() >= cleanAt && shards.owned().includes(0)) {
        const result = await session.query({ ...deletePublished, values: [retentionMs, cleanBatchSize] });
        cleanAt = Date.now() + (result.rowCount === cleanBatchSize ? 0 : cleanEveryMs);
      }
      if (!publisher.isReady()) {
        await sleep(100, stopping.signal);
        continue;
      }
      const claimed = await query<ClaimedMessage>(session, claimMessages, [shards.owned(), batchSize]);
      if (claimed.length === 0) await rest(pollIntervalMs);
      else if (!(await publishBatch(session, claimed))) await sleep(200, stopping.signal);
    }
  }

  async function run(): Promise<void> {
    for (let failures = 0; !stopping.signal.aborted; failures += 1) {
      pulse.beat();
      const session = new pg.Client({
        connectionString: databaseUrl,
        application_name: `${name} relay`,
        connectionTimeoutMillis: 5_000,
        statement_timeout: 15_000,
        query_timeout: 20_000,
        keepAlive: true,
        options: `-c idle_session_timeout=${sessionTimeoutMs} ${alwaysByIndex}`,
      });
      session.on('error', (error) => logger.warn({ err: error }, 'relay lost its database session'));
      try {
        await session.connect();
        const shards = await joinShardOwnership(session);
        failures = 0;
        await serve(session, shards);
      } catch (error) {
        logger.warn({ err: error }, 'relay starts over');
        await sleep(backoffDelay(sessionBackoff, failures + 1), stopping.signal);
      } finally {
        await session.end().catch((error: unknown) => logger.debug({ err: error }, 'relay session was gone'));
      }
    }
  }

  return {
    start() {
      running ??= run();
    },
    wake() {
      // With a reason of its own, or every wake-up would build a DOMException with its stack.
      if (!alarm.signal.aborted) alarm.abort('wake');
    },
    isStuck: () => running !== undefined && pulse.isStuck(),
    async stop() {
      stopping.abort();
      await running;
    },
  };
}
