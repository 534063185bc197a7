import pg from 'pg';
import { sleep } from '#shared/kernel/sleep.ts';
import { isDatabaseUnavailable } from '#shared/postgres/database-errors.ts';
import { DatabaseSetupError } from './database-setup-error.ts';

const databaseDoesNotExist = '3D000';
/** A database of that name: known to the server, or being created by somebody else in this moment. */
const alreadyThere = new Set(['42P04', '23505']);
const maintenanceDatabase = 'postgres';
const pauseMs = 250;

/**
 * Waits until the server answers and creates the database if it is missing.
 *
 * @param url of the database that is wanted, `postgresql://…`.
 * @param waitMs how long a server may take that is starting.
 * @throws DatabaseSetupError
 */
export async function ensureDatabase(url: string, waitMs = 30_000): Promise<void> {
  const { host, name } = parseUrl(url);
  const deadline = Date.now() + waitMs;
  for (;;) {
    try {
      return await runOn(url, async () => {});
    } catch (error) {
      if (codeOf(error) === databaseDoesNotExist) return await createDatabase(url, name);
      if (!isDatabaseUnavailable(error)) throw explain(`PostgreSQL at ${host} refuses`, error);
      if (Date.now() > deadline) throw explain(`no PostgreSQL answers at ${host}`, error);
    }
    await sleep(pauseMs);
  }
}

async function createDatabase(url: string, name: string): Promise<void> {
  const maintenance = new URL(url);
  maintenance.pathname = maintenanceDatabase;
  try {
    await runOn(maintenance.href, (client) => client.query(`CREATE DATABASE ${pg.escapeIdentifier(name)}`));
  } catch (error) {
    if (!alreadyThere.has(codeOf(error) ?? ''))
      throw explain(`the database ${name} cannot be created`, error);
  }
}

async function runOn<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  // A connection that is cut also rejects what is under way, which is where it is dealt with.
  client.on('error', () => {});
  try {
    await client.connect();
    return await work(client);
  } finally {
    await client.end();
  }
}

function parseUrl(url: string): { host: string; name: string } {
  const parsed = URL.parse(url);
  const name = decodeURIComponent(parsed?.pathname.slice(1) ?? '');
  if (parsed === null || !/^postgres(ql)?:$/.test(parsed.protocol) || name === '') {
    throw new DatabaseSetupError('the URL is not of the form postgresql://user:password@host:port/database');
  }
  return { host: parsed.host, name };
}

function explain(what: string, error: unknown): DatabaseSetupError {
  return new DatabaseSetupError(`${what}: ${(error as Error).message || codeOf(error)}`, { cause: error });
}

function codeOf(error: unknown): string | undefined {
  return (error as { code?: string }).code;
}
