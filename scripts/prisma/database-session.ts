import pg from 'pg';
import { sleep } from '#shared/kernel/sleep.ts';
import { isDatabaseUnavailable } from '#shared/postgres/database-errors.ts';
import { DatabaseSetupError } from './database-setup-error.ts';

const pauseMs = 250;

/**
 * Runs `work` on a connection to the database at `url`; a server that is starting has half a minute to get ready.
 *
 * @throws DatabaseSetupError about the server that does not answer or refuses, or about what `work` could not do.
 */
export async function withDatabase<T>(
  url: string,
  work: (client: pg.Client) => Promise<T>,
  waitMs = 30_000,
): Promise<T> {
  const client = await connect(url, Date.now() + waitMs);
  try {
    return await work(client);
  } catch (error) {
    throw explain(`the database ${parseUrl(url).name} cannot be prepared`, error);
  } finally {
    await client.end();
  }
}

async function connect(url: string, deadline: number): Promise<pg.Client> {
  const { host } = parseUrl(url);
  for (;;) {
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
    // A connection that is cut also rejects what is under way, which is where it is dealt with.
    client.on('error', () => {});
    try {
      await client.connect();
      return client;
    } catch (error) {
      await client.end();
      if (!isDatabaseUnavailable(error)) throw explain(`PostgreSQL at ${host} refuses`, error);
      if (Date.now() > deadline) throw explain(`no PostgreSQL answers at ${host}`, error);
    }
    await sleep(pauseMs);
  }
}

/** The parts of a database's URL, decoded. */
export function parseUrl(url: string): { host: string; name: string; user: string; password: string } {
  const parsed = URL.parse(url);
  const name = decodeURIComponent(parsed?.pathname.slice(1) ?? '');
  if (parsed === null || !/^postgres(ql)?:$/.test(parsed.protocol) || name === '') {
    throw new DatabaseSetupError('the URL is not of the form postgresql://user:password@host:port/database');
  }
  const [user, password] = [parsed.username, parsed.password].map(decodeURIComponent) as [string, string];
  return { host: parsed.host, name, user, password };
}

function explain(what: string, error: unknown): DatabaseSetupError {
  if (error instanceof DatabaseSetupError) return error;
  const { message, code } = error as { message?: string; code?: string };
  return new DatabaseSetupError(`${what}: ${message || code}`, { cause: error });
}
