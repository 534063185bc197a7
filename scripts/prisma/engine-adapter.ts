import { PrismaPg } from '@prisma/adapter-pg';
import {
  ColumnTypeEnum,
  type SqlDriverAdapter,
  type SqlMigrationAwareDriverAdapterFactory,
} from '@prisma/driver-adapter-utils';
import pg from 'pg';

/**
 * Connects the schema engine to PostgreSQL: `@prisma/adapter-pg` with three corrections.
 *
 * A script goes to the server whole, as the native engine sends it: one simple query, which PostgreSQL runs as one
 * transaction. The adapter would split it at every semicolon, also inside strings, comments and function bodies, and
 * commit statement by statement. Each database has a single connection, so that the engine's session-level lock is held
 * by the session that works. And shadow databases are dropped after their last connection is closed, not before.
 */
export class EngineAdapterFactory implements SqlMigrationAwareDriverAdapterFactory {
  readonly provider = 'postgres';
  readonly adapterName = '@prisma/adapter-pg';
  readonly #url: string;
  readonly #closers: (() => Promise<void>)[] = [];

  constructor(url: string) {
    this.#url = url;
  }

  connect(): Promise<SqlDriverAdapter> {
    return this.#open(this.#url, async () => {});
  }

  async connectToShadowDb(): Promise<SqlDriverAdapter> {
    const name = `prisma_migrate_shadow_db_${crypto.randomUUID()}`;
    await runOnce(this.#url, `CREATE DATABASE "${name}"`);
    const url = new URL(this.#url);
    url.pathname = name;
    return this.#open(url.href, () => runOnce(this.#url, `DROP DATABASE IF EXISTS "${name}" WITH (FORCE)`));
  }

  /** Closes every connection that was handed out and drops the shadow databases. */
  async close(): Promise<void> {
    for (const close of this.#closers) await close();
  }

  async #open(url: string, afterwards: () => Promise<void>): Promise<SqlDriverAdapter> {
    const pool = new pg.Pool({ connectionString: url, max: 1, idleTimeoutMillis: 0 });
    let closed: Promise<void> | undefined;
    const close = () => (closed ??= pool.end().then(afterwards));
    this.#closers.push(close);

    const adapter: SqlDriverAdapter = await new PrismaPg(pool).connect();
    passCatalogCharactersOn(pool, adapter);
    adapter.executeScript = async (script) => {
      await adapter.executeRaw({ sql: script, args: [], argTypes: [] });
    };
    adapter.dispose = close;
    return adapter;
  }
}

/**
 * The system catalogue has columns of PostgreSQL's internal one-byte type `"char"`. The engine wants them as characters,
 * `@prisma/adapter-pg` refuses to pass them on: it is shown text, and its answer is put right.
 */
function passCatalogCharactersOn(pool: pg.Pool, adapter: SqlDriverAdapter): void {
  const { CHAR, TEXT } = pg.types.builtins;
  const characterColumns = new WeakMap<object, number[]>();

  const query = pool.query.bind(pool) as (config: pg.QueryArrayConfig) => Promise<pg.QueryArrayResult>;
  const queryShowingText = async (config: pg.QueryArrayConfig): Promise<pg.QueryArrayResult> => {
    const result = await query(config);
    if (Array.isArray(result)) return result;
    const found = result.fields.flatMap((field, index) => (field.dataTypeID === CHAR ? [index] : []));
    for (const index of found) Object.assign(result.fields[index] ?? {}, { dataTypeID: TEXT });
    characterColumns.set(result.rows, found);
    return result;
  };
  pool.query = queryShowingText as pg.Pool['query'];

  const queryRaw = adapter.queryRaw.bind(adapter);
  adapter.queryRaw = async (statement) => {
    const result = await queryRaw(statement);
    for (const index of characterColumns.get(result.rows) ?? []) {
      result.columnTypes[index] = ColumnTypeEnum.Character;
    }
    return result;
  };
}

async function runOnce(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
