/**
 * Writes the migration that leads from the existing migrations to the schema, without applying it:
 * `node scripts/prisma/create-migration.ts order|processor <name>`. Needs a PostgreSQL at the database's URL, whose
 * user may create databases: the existing migrations are played into a temporary one.
 *
 * What Prisma cannot express (partial indexes, check constraints, storage parameters) is added to the file by hand, or
 * stands in a migration of its own.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type DatabaseName, describeDatabase, isDatabaseName } from './databases.ts';
import { ensureDatabase } from './ensure-database.ts';
import { lockfile, noFilter, readMigrations, readSchema, withSchemaEngine } from './schema-engine.ts';

/** Writes the new migration and gives its file, or undefined if the migrations already lead to the schema. */
export async function createMigration(options: {
  database: DatabaseName;
  name: string;
  url: string;
}): Promise<string | undefined> {
  const { schemaFile, migrationsFolder } = describeDatabase(options.database);
  await ensureDatabase(options.url);
  const migrations = await readMigrations(migrationsFolder);
  const schema = await readSchema(schemaFile);
  const { exitCode, stdout } = await withSchemaEngine({ url: options.url, schemaFile }, (engine) =>
    engine.diff({
      from: { tag: 'migrations', ...migrations },
      to: { tag: 'schemaDatamodel', ...schema },
      script: true,
      exitCode: true,
      filters: noFilter,
    }),
  );
  if (exitCode === 0 || stdout === null) return undefined;
  const timestamp = new Date().toISOString().replaceAll(/\D/g, '').slice(0, 14);
  const folder = join(migrationsFolder, `${timestamp}_${options.name}`);
  const file = join(folder, 'migration.sql');
  await mkdir(folder, { recursive: true });
  await writeFile(join(migrationsFolder, lockfile.name), lockfile.content);
  await writeFile(file, stdout);
  return file;
}

if (import.meta.main) {
  const [database, name] = process.argv.slice(2);
  if (!isDatabaseName(database) || name === undefined) {
    console.error('usage: node scripts/prisma/create-migration.ts order|processor <name>');
    process.exit(2);
  }
  const { urlVariable } = describeDatabase(database);
  const url = process.env[urlVariable];
  if (!url) {
    console.error(`${urlVariable} is not set: it must name a PostgreSQL database`);
    process.exit(2);
  }
  try {
    console.log(
      (await createMigration({ database, name, url })) ?? 'the migrations already lead to the schema',
    );
  } catch (error) {
    console.error((error as Error).message);
    process.exitCode = 1;
  }
}
