import pg from 'pg';
import { sleep } from '#shared/kernel/sleep.ts';
import { isDatabaseUnavailable } from '#shared/postgres/database-errors.ts';

const databaseDoesNotExist = '3D000';
/** A database of that name: known to the server, or being created by somebody else in this moment. */
const alreadyThere = new Set(['42P04', '23505']);
const pauseMs = 250;

/**
 * Waits until the server answers and creates the database if it is missing.
 *
 * @param waitMs how long a server may take that is starting; then its last error is thrown.
 */
export async function ensureDatabase(url: string, waitMs = 30_000): Promise<void> {
  const deadline = Date.now() + waitMs;
  for (;;) {
    try {
      return await runOn(url, async () => {});
    } catch (error) {
      if (codeOf(error) === databaseDoesNotExist) return await createDatabase(url);
      if (!isDatabaseUnavailable(error) || Date.now() > deadline) throw error;
    }
    await sleep(pauseMs);
  }
}

async function createDatabase(url: string): Promise<void> {
  const maintenance = new URL(url);
  const name = decodeURIComponent(maintenance.pathname.slice(1));
  maintenance.pathname = 'postgres';
  try {
    await runOn(maintenance.href, (client) => client.query(`CREATE DATABASE ${pg.escapeIdentifier(name)}`));
  } catch (error) {
    if (!alreadyThere.has(codeOf(error) ?? '')) throw error;
  }
}

async function runOn<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  client.on('error', () => {});
  try {
    await client.connect();
    return await work(client);
  } finally {
    await client.end();
  }
}

function codeOf(error: unknown): string | undefined {
  return (error as { code?: string }).code;
}
