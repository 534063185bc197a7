/**
 * Waits until a database has every migration that stands beside this code: `node scripts/prisma/await-migrations.ts
 * order|processor|all`, with the URLs of the services. Before a service starts, it keeps it from a schema that is older
 * than itself; a newer one is fine. Gives up after five minutes.
 */
import { sleep } from '#shared/kernel/sleep.ts';
import { requireUrl, runDatabaseCommand } from './database-command.ts';
import { withDatabase } from './database-session.ts';
import { DatabaseSetupError } from './database-setup-error.ts';
import { type DatabaseName, describeDatabase } from './databases.ts';
import { readMigrations } from './schema-engine.ts';

/**
 * The names of the migrations that the database does not have yet, in order.
 *
 * @param options.url of the database as its service.
 * @throws DatabaseSetupError as long as it cannot tell: the server is away, or the database was never set up.
 */
export async function findMissingMigrations(options: {
  database: DatabaseName;
  url: string;
}): Promise<string[]> {
  const { migrationDirectories } = await readMigrations(options.database);
  const applied = await withDatabase(
    options.url,
    async (client) => {
      const { rows } = await client.query<{ migration_name: string }>(
        `SELECT migration_name FROM _prisma_migrations WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL`,
      );
      return new Set(rows.map((row) => row.migration_name));
    },
    0,
  );
  return migrationDirectories.map(({ path }) => path).filter((name) => !applied.has(name));
}

if (import.meta.main) {
  const deadline = Date.now() + 300_000;
  await runDatabaseCommand(process.argv[2], async (database) => {
    const url = requireUrl(describeDatabase(database).serviceUrlVariable);
    let told = '';
    for (;;) {
      const missing = await describeWhatIsMissing({ database, url });
      if (missing === undefined) return 'has every migration of this version';
      if (Date.now() > deadline) throw new DatabaseSetupError(missing);
      if (missing !== told) console.log(`waiting: ${missing}`);
      told = missing;
      await sleep(1_000);
    }
  });
}

async function describeWhatIsMissing(options: {
  database: DatabaseName;
  url: string;
}): Promise<string | undefined> {
  try {
    const missing = await findMissingMigrations(options);
    return missing.length === 0 ? undefined : `there is no ${missing.join(', ')} yet`;
  } catch (error) {
    if (error instanceof DatabaseSetupError) return error.message;
    throw error;
  }
}
