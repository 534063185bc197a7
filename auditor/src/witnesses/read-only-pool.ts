import pg from 'pg';
import { alwaysByIndex } from '#shared/postgres/pool.ts';

/** Connections on which nothing can be changed, whatever the role may do otherwise. */
export function createReadOnlyPool(url: string): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    application_name: 'auditor',
    max: 2,
    connectionTimeoutMillis: 5_000,
    statement_timeout: 300_000,
    keepAlive: true,
    options: `-c default_transaction_read_only=on ${alwaysByIndex}`,
  });
  // The next query opens another connection, or says why it cannot.
  pool.on('error', () => undefined);
  return pool;
}
