import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { type BenchSystem, benchDir } from './system.ts';

/** Bytes by where they are. */
export type StorageUse = ReadonlyMap<string, number>;

/** What the system takes on disks, to be read while nothing is under way. */
export async function readStorage({
  orderDatabaseUrl,
  processorDatabaseUrl,
}: BenchSystem): Promise<StorageUse> {
  const order = await readDatabase(orderDatabaseUrl);
  const processor = await readDatabase(processorDatabaseUrl);
  return new Map([
    ['order_db: outbox', order.outbox],
    ['order_db: all else', order.rest],
    ['processor_db: outbox', processor.outbox],
    ['processor_db: all else', processor.rest],
    // One log for all databases of a server.
    ['write-ahead log', order.writeAheadLog],
    ['event log', await readEventLog()],
  ]);
}

/** How much more there is, per order. */
export function growthPerOrder(before: StorageUse, after: StorageUse, orders: number): StorageUse {
  return new Map([...after].map(([where, bytes]) => [where, (bytes - (before.get(where) ?? 0)) / orders]));
}

interface DatabaseUse {
  readonly outbox: number;
  readonly rest: number;
  readonly writeAheadLog: number;
}

/** With indexes, free space and what vacuum has not taken away yet. */
async function readDatabase(connectionString: string): Promise<DatabaseUse> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    const { rows } = await client.query<DatabaseUse>(
      `SELECT sum(bytes) FILTER (WHERE relname = 'outbox')::float8 AS outbox,
         sum(bytes) FILTER (WHERE relname <> 'outbox')::float8 AS rest,
         pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::float8 AS "writeAheadLog"
       FROM (SELECT relname, pg_total_relation_size(relid) AS bytes FROM pg_stat_user_tables) AS tables`,
    );
    return rows[0] as DatabaseUse;
  } finally {
    await client.end();
  }
}

/** The segments of the streams. */
async function readEventLog(): Promise<number> {
  const files = await readdir(join(benchDir, 'rabbitmq'), { recursive: true });
  const segments = files.filter((file) => /\/stream\/.*\.segment$/.test(file));
  const sizes = await Promise.all(
    segments.map(async (file) => (await stat(join(benchDir, 'rabbitmq', file))).size),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}
