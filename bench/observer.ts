import pg from 'pg';
import { sleep } from '#shared/kernel/sleep.ts';
import { monotonicMs } from './monotonic.ts';

/** Looks into order_db while orders are processed, without taking much from whoever does it. */
export interface Observer {
  /** Orders that have not come to an end yet. */
  countOpen(): Promise<number>;
  /**
   * Resolves with the time, on the monotonic clock, at which `load` was over and no order open any more.
   *
   * @throws when nothing moves for a minute.
   */
  untilSettled(load: Promise<unknown>, onProgress: (open: number) => void): Promise<number>;
  /** Milliseconds from placed to completed of each of these orders, as the history tells them. */
  completionTimes(orderIds: readonly string[]): Promise<Float64Array>;
  /** The server's processes that serve somebody or something, by process id. */
  backendNames(): Promise<ReadonlyMap<number, string>>;
  close(): Promise<void>;
}

const lookEveryMs = 100;
/** Counting thousands of orders costs milliseconds. */
const countEveryMs = 1_000;
const patienceMs = 60_000;

/** @param databases order_db, and a superuser: others are not shown what the sessions of the two services are called */
export async function createObserver(databases: {
  readonly orderDatabaseUrl: string;
  readonly postgresAdminUrl: string;
}): Promise<Observer> {
  const { pathname } = new URL(databases.orderDatabaseUrl);
  const { href: connectionString } = Object.assign(new URL(databases.postgresAdminUrl), { pathname });
  const client = new pg.Client({ connectionString, application_name: 'observer' });
  client.on('error', () => {}); // the query under way rejects as well
  await client.connect();
  // The index on status holds a handful of entries for open orders, whatever the statistics of a young table say.
  await client.query('SET enable_seqscan = off');

  const openOrders = `FROM orders WHERE status IN ('pending', 'reserved', 'paid')`;

  async function isAnyOpen(): Promise<boolean> {
    const text = `SELECT EXISTS (SELECT ${openOrders}) AS any`;
    const { rows } = await client.query<{ any: boolean }>({ name: 'any-open', text });
    return rows[0]?.any ?? true;
  }

  async function countOpen(): Promise<number> {
    const text = `SELECT count(*)::int AS open ${openOrders}`;
    const { rows } = await client.query<{ open: number }>({ name: 'count-open', text });
    return rows[0]?.open ?? Number.NaN;
  }

  return {
    countOpen,

    async untilSettled(load, onProgress) {
      let loading = true;
      const markLoaded = (): void => {
        loading = false;
      };
      load.then(markLoaded, markLoaded);
      let open = Number.NaN;
      let movedAt = monotonicMs();
      let countedAt = 0;
      for (;;) {
        // Asked before looking: what was accepted until then is seen.
        const wasLoading = loading;
        const settled = !(await isAnyOpen());
        const now = monotonicMs();
        if (settled && !wasLoading) {
          await load;
          return now;
        }
        if (now - countedAt >= countEveryMs) {
          const count = await countOpen();
          if (count !== open) movedAt = now;
          if (now - movedAt > patienceMs) throw new Error(`${count} orders have not moved for a minute`);
          open = count;
          countedAt = now;
          onProgress(open);
        }
        await sleep(lookEveryMs);
      }
    },

    async completionTimes(orderIds) {
      const { rows } = await client.query<{ ms: number }>(
        `SELECT (extract(epoch FROM completed.occurred_at - placed.occurred_at) * 1000)::float8 AS ms
         FROM order_events AS placed
         JOIN order_events AS completed USING (order_id)
         WHERE order_id = ANY ($1::uuid[]) AND placed.type = 'placed' AND completed.type = 'completed'`,
        [orderIds],
      );
      return Float64Array.from(rows, ({ ms }) => ms);
    },

    async backendNames() {
      const { rows } = await client.query<{ pid: number; name: string }>(
        `SELECT pid, CASE WHEN backend_type = 'client backend' THEN application_name ELSE 'background' END AS name
         FROM pg_stat_activity`,
      );
      return new Map(rows.map(({ pid, name }) => [pid, `postgres: ${name}`]));
    },

    close: () => client.end(),
  };
}
