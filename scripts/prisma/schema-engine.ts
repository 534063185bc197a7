import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PrismaPg } from '@prisma/adapter-pg';
import {
  bindMigrationAwareSqlAdapterFactory,
  type SqlDriverAdapter,
  type SqlMigrationAwareDriverAdapterFactory,
} from '@prisma/driver-adapter-utils';
import type { MigrationList, SchemaEngine, SchemaFilter, SchemasContainer } from '@prisma/schema-engine-wasm';
import * as bindings from '@prisma/schema-engine-wasm/schema_engine_bg';
import pg from 'pg';

/** Names the kind of database that the migrations are written for; the engine asks for it. */
export const lockfile = { name: 'migration_lock.toml', content: 'provider = "postgresql"\n' } as const;

/** No table and no enum is managed by anyone else. */
export const noFilter: SchemaFilter = { externalTables: [], externalEnums: [] };

/**
 * Prisma's own schema engine, the one behind `prisma migrate`, as the WebAssembly build that needs no download. Its
 * table `_prisma_migrations` and its advisory lock are the same, so both can be used on one database.
 */
export async function withSchemaEngine<T>(
  options: { url: string; schemaFile: string },
  work: (engine: SchemaEngine) => Promise<T>,
): Promise<T> {
  await loadEngine();
  const factory = new ScriptRunningAdapterFactory(options.url);
  const datamodels: [string, string][] = [[options.schemaFile, await readFile(options.schemaFile, 'utf8')]];
  const engine = await bindings.SchemaEngine.new(
    { datamodels },
    () => {},
    bindMigrationAwareSqlAdapterFactory(factory),
  );
  try {
    return await work(engine);
  } finally {
    engine.free();
    await factory.close();
  }
}

/** In Node, but neither in its types nor in TypeScript's library without the DOM. */
declare const WebAssembly: {
  instantiate(
    bytes: Uint8Array,
    imports: Record<string, Record<string, unknown>>,
  ): Promise<{ instance: { exports: { __wbindgen_start(): void } } }>;
};

let loaded: Promise<void> | undefined;

function loadEngine(): Promise<void> {
  loaded ??= (async () => {
    const file = new URL(import.meta.resolve('@prisma/schema-engine-wasm/schema_engine_bg'));
    const bytes = await readFile(new URL('schema_engine_bg.wasm', file));
    const { instance } = await WebAssembly.instantiate(bytes, {
      './schema_engine_bg.js': withTimersThatHoldNobodyUp(bindings),
    });
    bindings.__wbg_set_wasm(instance.exports);
    instance.exports.__wbindgen_start();
  })();
  return loaded;
}

/** The engine never clears the ten seconds it gives its lock: as an ordinary timer they would delay every exit. */
function withTimersThatHoldNobodyUp(imports: Record<string, unknown>): Record<string, unknown> {
  const name = Object.keys(imports).find((key) => key.startsWith('__wbg_setTimeout_'));
  if (name === undefined) throw new Error('this schema engine has no timer under the name that was expected');
  const startTimer = (callback: () => void, milliseconds: number) =>
    setTimeout(callback, milliseconds).unref();
  return { ...imports, [name]: startTimer };
}

/**
 * The adapter of `@prisma/adapter-pg` splits a script at every semicolon, also inside strings, comments and function
 * bodies, and commits statement by statement. Here a script goes to the server whole, as the native engine sends it: one
 * simple query, which PostgreSQL runs as one transaction. Each database has a single connection, so that the engine's
 * session-level lock is held by the session that works.
 */
class ScriptRunningAdapterFactory implements SqlMigrationAwareDriverAdapterFactory {
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

  async close(): Promise<void> {
    for (const close of this.#closers) await close();
  }

  async #open(url: string, afterwards: () => Promise<void>): Promise<SqlDriverAdapter> {
    const pool = new pg.Pool({ connectionString: url, max: 1, idleTimeoutMillis: 0 });
    readCatalogCharactersAsText(pool);
    const adapter: SqlDriverAdapter = await new PrismaPg(pool).connect();
    let closed: Promise<void> | undefined;
    const close = () => (closed ??= pool.end().then(afterwards));
    this.#closers.push(close);
    adapter.executeScript = async (script) => {
      await adapter.executeRaw({ sql: script, args: [], argTypes: [] });
    };
    adapter.dispose = close;
    return adapter;
  }
}

/**
 * The system catalogue has columns of PostgreSQL's internal one-byte type `"char"`, which `@prisma/adapter-pg` refuses
 * to pass on; the engine is content with text.
 */
function readCatalogCharactersAsText(pool: pg.Pool): void {
  const query = pool.query.bind(pool) as (config: pg.QueryArrayConfig) => Promise<pg.QueryArrayResult>;
  const { CHAR, TEXT } = pg.types.builtins;
  const patched = async (config: pg.QueryArrayConfig): Promise<pg.QueryArrayResult> => {
    const result = await query(config);
    for (const field of result.fields ?? []) if (field.dataTypeID === CHAR) field.dataTypeID = TEXT;
    return result;
  };
  pool.query = patched as pg.Pool['query'];
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

/** The migrations in a folder, in the form in which the engine wants them; a folder that is not there holds none. */
export async function readMigrations(folder: string): Promise<MigrationList> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  return {
    baseDir: folder,
    lockfile: { path: lockfile.name, content: lockfile.content },
    shadowDbInitScript: '',
    migrationDirectories: await Promise.all(
      names.sort().map(async (name) => ({
        path: name,
        migrationFile: {
          path: 'migration.sql',
          content: { tag: 'ok' as const, value: await readFile(join(folder, name, 'migration.sql'), 'utf8') },
        },
      })),
    ),
  };
}

/** A schema file in the form in which the engine wants it. */
export async function readSchema(schemaFile: string): Promise<SchemasContainer> {
  return { files: [{ path: schemaFile, content: await readFile(schemaFile, 'utf8') }] };
}
