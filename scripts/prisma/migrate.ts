/**
 * Applies the migrations and the grants to the databases named by ORDER_MIGRATION_DATABASE_URL and
 * PROCESSOR_MIGRATION_DATABASE_URL: `node scripts/prisma/migrate.ts order|processor|all`. With POSTGRES_ADMIN_URL, a
 * superuser of their server, the databases and their roles are provided first. Several may run at once.
 */
import { readFile } from 'node:fs/promises';
import { requireUrl, runDatabaseCommand } from './database-command.ts';
import { withDatabase } from './database-session.ts';
import { type DatabaseName, describeDatabase } from './databases.ts';
import { provisionDatabase } from './provision-database.ts';
import { noFilter, readMigrations, withSchemaEngine } from './schema-engine.ts';

/** For those who grant at the same moment: PostgreSQL lets two of them fail on each other. */
const grantsLock = 20_620;

/**
 * Applies what is missing of a database's migrations, then its grants, and gives the migrations' names, in order.
 *
 * Whoever comes second waits on Prisma's advisory lock and finds nothing left to do. The server may still be starting.
 *
 * @param options.url of the database as its owner.
 * @throws DatabaseSetupError about the database that cannot be reached or the migration that fails.
 */
export async function applyMigrations(options: { database: DatabaseName; url: string }): Promise<string[]> {
  const migrationsList = await readMigrations(options.database);
  const grants = await readFile(describeDatabase(options.database).grantsFile, 'utf8');
  await withDatabase(options.url, async () => {});
  const { appliedMigrationNames } = await withSchemaEngine(options, (engine) =>
    engine.applyMigrations({ migrationsList, filters: noFilter }),
  );
  // Several statements in one query are one transaction: a service that is at work never meets half of the grants.
  await withDatabase(options.url, (owner) =>
    owner.query(`SELECT pg_advisory_xact_lock(${grantsLock});\n${grants}`),
  );
  return appliedMigrationNames;
}

if (import.meta.main) {
  await runDatabaseCommand(process.argv[2], async (database) => {
    const { ownerUrlVariable, serviceUrlVariable } = describeDatabase(database);
    const url = requireUrl(ownerUrlVariable);
    const adminUrl = process.env['POSTGRES_ADMIN_URL'];
    if (adminUrl) {
      await provisionDatabase({
        database,
        adminUrl,
        ownerUrl: url,
        serviceUrl: requireUrl(serviceUrlVariable),
      });
    }
    const applied = await applyMigrations({ database, url });
    return applied.length === 0 ? 'no migration pending' : `applied ${applied.join(', ')}`;
  });
}
