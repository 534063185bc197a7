import { DatabaseSetupError } from './database-setup-error.ts';
import { type DatabaseName, databaseNames, describeDatabase, isDatabaseName } from './databases.ts';

/**
 * The frame of a command that is given `order`, `processor` or `all`: runs `work` for each of these databases, prints
 * what it returns, or the sentence that it throws, and sets the exit code.
 */
export async function runDatabaseCommand(
  argument: string | undefined,
  work: (target: { database: DatabaseName; url: string }) => Promise<string>,
): Promise<void> {
  const databases = argument === 'all' ? databaseNames : isDatabaseName(argument) ? [argument] : [];
  if (databases.length === 0) {
    console.error('name a database: order, processor or all');
    process.exitCode = 2;
  }
  for (const database of databases) {
    try {
      console.log(`${database} database: ${await work({ database, url: readUrl(database) })}`);
    } catch (error) {
      if (!(error instanceof DatabaseSetupError)) throw error;
      console.error(`${database} database: ${error.message}`);
      process.exitCode = 1;
    }
  }
}

function readUrl(database: DatabaseName): string {
  const { urlVariable } = describeDatabase(database);
  const url = process.env[urlVariable];
  if (!url) throw new DatabaseSetupError(`${urlVariable} is not set: it names the database, postgresql://…`);
  return url;
}
