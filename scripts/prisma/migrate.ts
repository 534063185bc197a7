/**
 * Applies the migrations to the databases named by ORDER_DATABASE_URL and PROCESSOR_DATABASE_URL:
 * `node scripts/prisma/migrate.ts order|processor|all`. A missing database is created. Several may run at once.
 */
import { runDatabaseCommand } from './database-command.ts';
import type { DatabaseName } from './databases.ts';
import { ensureDatabase } from './ensure-database.ts';
import { noFilter, readMigrations, withSchemaEngine } from './schema-engine.ts';

/**
 * Applies what is missing of a database's migrations and gives their names, in order.
 *
 * Whoever comes second waits on Prisma's advisory lock and finds nothing left to do. The server may still be starting.
 *
 * @throws DatabaseSetupError about the database that cannot be reached or the migration that fails.
 */
export async function applyMigrations(options: { database: DatabaseName; url: string }): Promise<string[]> {
  const migrationsList = await readMigrations(options.database);
  await ensureDatabase(options.url);
  const { appliedMigrationNames } = await withSchemaEngine(options, (engine) =>
    engine.applyMigrations({ migrationsList, filters: noFilter }),
  );
  return appliedMigrationNames;
}

if (import.meta.main) {
  await runDatabaseCommand(process.argv[2], async (target) => {
    const applied = await applyMigrations(target);
    return applied.length === 0 ? 'no migration pending' : `applied ${applied.join(', ')}`;
  });
}
