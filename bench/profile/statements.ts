import pg from 'pg';
import { formatTable } from '../table.ts';

/** What PostgreSQL's statements took; see pg_stat_statements. */
export interface StatementStatistics {
  reset(): Promise<void>;
  /** The most expensive statements of all databases since the reset. */
  summarise(orders: number): Promise<string>;
  close(): Promise<void>;
}

export async function connectStatementStatistics(databaseUrl: string): Promise<StatementStatistics> {
  const client = new pg.Client({ connectionString: databaseUrl, application_name: 'observer' });
  await client.connect();
  await client.query('CREATE EXTENSION IF NOT EXISTS pg_stat_statements');
  return {
    async reset() {
      await client.query('SELECT pg_stat_statements_reset()');
    },
    async summarise(orders) {
      const { rows } = await client.query<
        Record<'database' | 'query', string> & Record<'calls' | 'rows' | 'ms' | 'planning', number>
      >(
        `SELECT datname AS database, regexp_replace(left(query, 4000), '\\s+', ' ', 'g') AS query,
                calls::int, rows::int, total_plan_time AS planning, total_exec_time + total_plan_time AS ms
         FROM pg_stat_statements JOIN pg_database ON pg_database.oid = dbid
         WHERE calls > 0
         ORDER BY ms DESC
         LIMIT 20`,
      );
      return formatTable(
        ['> ms/order', '> of it planning', '> calls/order', '> rows/call', 'database', 'statement'],
        rows.map(({ ms, planning, calls, rows: count, database, query }) => [
          (ms / orders).toFixed(4),
          (planning / orders).toFixed(4),
          (calls / orders).toFixed(3),
          (count / calls).toFixed(1),
          database,
          query.trim().slice(0, 90),
        ]),
      );
    },
    close: () => client.end(),
  };
}
