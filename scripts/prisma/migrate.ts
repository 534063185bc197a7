/**
 * Applies the migrations to the databases named by ORDER_DATABASE_URL and PROCESSOR_DATABASE_URL:
 * `node scripts/prisma/migrate.ts order|processor|all`. A missing database is created. Several may run at once.
 */
import { type DatabaseName, databaseNames, describeDatabase, isDatabaseName } from './databases.ts';
import { ensureDatabase } from './ensure-database.ts';
import { noFilter, readMigrations, withSchemaEngine } from './schema-engine.ts';

/**
 * Applies what is missing of a database's migrations and gives their names, in order.
 *
 * Whoever comes second waits on Prisma's advisory lock and finds nothing left to do. The server may still be starting.
 *
 * @throws Error with one sentence about the database that cannot be reached or the migration that fails.
 */
export async function applyMigrations(options: { database: DatabaseName; url: string }): Promise<string[]> {
  const { schemaFile, migrationsFolder } = describeDatabase(options.database);
  const migrationsList = await readMigrations(migrationsFolder);
  await ensureDatabase(options.url);
  const { appliedMigrationNames } = await withSchemaEngine({ url: options.url, schemaFile }, (engine) =>
    engine.applyMigrations({ migrationsList, filters: noFilter }),
  );
  return appliedMigrationNames;
}

if (import.meta.main) {
  const argument = process.argv[2];
  const chosen = argument === 'all' ? databaseNames : isDatabaseName(argument) ? [argument] : [];
  if (chosen.length === 0) {
    console.error('usage: node scripts/prisma/migrate.ts order|processor|all');
    process.exit(2);
  }
  for (const database of chosen) {
    const { urlVariable } = describeDatabase(database);
    const url = process.env[urlVariable];
    try {
      if (!url) throw new Error(`${urlVariable} is not set: it must name a PostgreSQL database`);
      const applied = await applyMigrations({ database, url });
      console.log(
        `${database} database: ${applied.length === 0 ? 'no migration pending' : `applied ${applied.join(', ')}`}`,
      );
    } catch (error) {
      console.error(`${database} database: ${(error as Error).message}`);
      process.exitCode = 1;
    }
  }
}
