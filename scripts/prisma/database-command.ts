import { DatabaseSetupError } from './database-setup-error.ts';
import { type DatabaseName, databaseNames, isDatabaseName } from './databases.ts';

/**
 * The frame of a command that is given `order`, `processor` or `all`: runs `work` for each of these databases, prints
 * what it returns, or the sentence that it throws, and sets the exit code.
 */
export async function runDatabaseCommand(
  argument: string | undefined,
  work: (database: DatabaseName) => Promise<string>,
): Promise<void> {
  const databases = argument === 'all' ? databaseNames : isDatabaseName(argument) ? [argument] : [];
  if (databases.length === 0) {
    console.error('name a database: order, processor or all');
    process.exitCode = 2;
  }
  for (const database of databases) {
    try {
      console.log(`${database} database: ${await work(database)}`);
    } catch (error) {
      if (!(error instanceof DatabaseSetupError)) throw error;
      console.error(`${database} database: ${error.message}`);
      process.exitCode = 1;
    }
  }
}

/**
 * The URL in an environment variable.
 *
 * @throws DatabaseSetupError if there is none.
 */
export function requireUrl(variable: string): string {
  const url = process.env[variable];
  if (!url)
    throw new DatabaseSetupError(`${variable} is not set: postgresql://user:password@host:port/database`);
  return url;
}
