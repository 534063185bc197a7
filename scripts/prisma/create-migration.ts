/**
 * Writes the migration that leads from the existing migrations to the schema, without applying it:
 * `node scripts/prisma/create-migration.ts order|processor|all <name>`. Works in shadow databases on the server of
 * POSTGRES_ADMIN_URL. A new table needs its line in `grants.sql`, beside the migrations.
 *
 * What Prisma cannot express (partial indexes, check constraints, storage parameters) is added to the file by hand, or
 * stands in a migration of its own.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { requireUrl, runDatabaseCommand } from './database-command.ts';
import { type DatabaseName, describeDatabase } from './databases.ts';
import { diffMigrationsWithSchema, lockfile } from './schema-engine.ts';

/**
 * Writes the new migration and gives its name, or undefined if the existing ones already lead to the schema.
 *
 * @throws DatabaseSetupError
 */
async function createMigration(options: {
  database: DatabaseName;
  url: string;
  name: string;
}): Promise<string | undefined> {
  const script = await diffMigrationsWithSchema({ ...options, as: 'sql' });
  if (script === undefined) return undefined;
  const { migrationsFolder } = describeDatabase(options.database);
  const timestamp = new Date().toISOString().replaceAll(/\D/g, '').slice(0, 14);
  const migration = `${timestamp}_${options.name}`;
  await mkdir(join(migrationsFolder, migration), { recursive: true });
  await writeFile(join(migrationsFolder, lockfile.path), lockfile.content);
  await writeFile(join(migrationsFolder, migration, 'migration.sql'), script);
  return migration;
}

if (import.meta.main) {
  const [database, name] = process.argv.slice(2);
  if (name === undefined || !/^[a-z0-9_]+$/.test(name)) {
    console.error('name the migration in lower case: create-migration.ts order|processor|all add_something');
    process.exit(2);
  }
  await runDatabaseCommand(database, async (target) => {
    const url = requireUrl('POSTGRES_ADMIN_URL');
    const migration = await createMigration({ database: target, url, name });
    return migration === undefined ? 'the migrations already lead to the schema' : `wrote ${migration}`;
  });
}
