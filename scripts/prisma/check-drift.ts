/**
 * Proves that the migrations, played into an empty database, give what the schemas say:
 * `node scripts/prisma/check-drift.ts order|processor|all`. Works in shadow databases on
 * the server of POSTGRES_ADMIN_URL.
 */
import { requireUrl, runDatabaseCommand } from './database-command.ts';
import { DatabaseSetupError } from './database-setup-error.ts';
import { diffMigrationsWithSchema } from './schema-engine.ts';

if (import.meta.main) {
  await runDatabaseCommand(process.argv[2], async (database) => {
    const url = requireUrl('POSTGRES_ADMIN_URL');
    const drift = await diffMigrationsWithSchema({ database, url, as: 'words' });
    if (drift !== undefined)
      throw new DatabaseSetupError(`the migrations do not give the schema:\n${drift.trim()}`);
    return 'the migrations give the schema';
  });
}
