import { readdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { bindMigrationAwareSqlAdapterFactory } from '@prisma/driver-adapter-utils';
import type { DiffResult, MigrationList, SchemaEngine, SchemaFilter } from '@prisma/schema-engine-wasm';
import * as bindings from '@prisma/schema-engine-wasm/schema_engine_bg';
import { DatabaseSetupError } from './database-setup-error.ts';
import { type DatabaseName, describeDatabase } from './databases.ts';
import { EngineAdapterFactory } from './engine-adapter.ts';

/** No table and no enum is managed by anyone else. */
export const noFilter: SchemaFilter = { externalTables: [], externalEnums: [] };

/** Stands beside the migrations and names the kind of database that they are written for; the engine asks for it. */
export const lockfile = { path: 'migration_lock.toml', content: 'provider = "postgresql"\n' } as const;

/**
 * Prisma's own schema engine, the one behind `prisma migrate`, as the WebAssembly build that needs no download. Its
 * table `_prisma_migrations` and its advisory lock are the same, so both can be used on one database.
 *
 * @throws DatabaseSetupError with what the engine says.
 */
export async function withSchemaEngine<T>(
  options: { database: DatabaseName; url: string },
  work: (engine: SchemaEngine) => Promise<T>,
): Promise<T> {
  const { schemaFile } = describeDatabase(options.database);
  const datamodels: [string, string][] = [[schemaFile, await readFile(schemaFile, 'utf8')]];
  await loadEngine();
  const factory = new EngineAdapterFactory(options.url);
  try {
    const adapter = bindMigrationAwareSqlAdapterFactory(factory);
    const engine = await bindings.SchemaEngine.new({ datamodels }, () => {}, adapter);
    return await work(engine).finally(() => engine.free());
  } catch (error) {
    throw explainEngineError(error as Error);
  } finally {
    await factory.close();
  }
}

/** A database's migrations in the form in which the engine wants them; a folder that is not there holds none. */
export async function readMigrations(database: DatabaseName): Promise<MigrationList> {
  const folder = describeDatabase(database).migrationsFolder;
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  const migrationDirectories = names.sort().map(async (name) => {
    const value = await readFile(join(folder, name, 'migration.sql'), 'utf8');
    return { path: name, migrationFile: { path: 'migration.sql', content: { tag: 'ok' as const, value } } };
  });
  return {
    baseDir: folder,
    lockfile,
    shadowDbInitScript: '',
    migrationDirectories: await Promise.all(migrationDirectories),
  };
}

/**
 * What leads from the migrations, played into an empty shadow database, to the schema: as SQL or in words, or undefined
 * if nothing does. What Prisma cannot express (partial indexes, check constraints, storage parameters) is left alone.
 *
 * @param options.url any database on the server to work on, whose user may create databases.
 * @throws DatabaseSetupError
 */
export async function diffMigrationsWithSchema(options: {
  database: DatabaseName;
  url: string;
  as: 'sql' | 'words';
}): Promise<string | undefined> {
  const { schemaFile } = describeDatabase(options.database);
  const migrations = await readMigrations(options.database);
  const schema = { path: schemaFile, content: await readFile(schemaFile, 'utf8') };
  const { exitCode, stdout }: DiffResult = await withSchemaEngine(options, (engine) =>
    engine.diff({
      from: { tag: 'migrations', ...migrations },
      to: { tag: 'schemaDatamodel', files: [schema] },
      script: options.as === 'sql',
      exitCode: true,
      filters: noFilter,
    }),
  );
  return exitCode === 0 ? undefined : (stdout ?? undefined);
}

/** The engine appends a trace of its own modules, whose one useful part is the name of the migration at fault. */
function explainEngineError(error: Error): DatabaseSetupError {
  const [said = '', ...trace] = error.message.split(/\n(?=\s+0: )/);
  const migration = /migration_name="([^"]+)"/.exec(trace.join('\n'))?.[1];
  const sentence = said.replace('external connector error', '').trim().replaceAll(/\s+/g, ' ');
  const prefix = migration === undefined ? '' : `migration ${migration} failed: `;
  return new DatabaseSetupError(`${prefix}${sentence}`, { cause: error });
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
    const module = createRequire(import.meta.url).resolve('@prisma/schema-engine-wasm/schema_engine_bg');
    const bytes = await readFile(join(dirname(module), 'schema_engine_bg.wasm'));
    const imports = { './schema_engine_bg.js': withTimersThatHoldNobodyUp(bindings) };
    const { instance } = await WebAssembly.instantiate(bytes, imports);
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
