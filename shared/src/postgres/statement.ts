import type { ClientBase, Pool, QueryResultRow } from 'pg';

/** A named SQL statement, parsed once per connection. */
export interface Statement {
  readonly name: string;
  readonly text: string;
}

/** Runs a prepared statement and gives its rows. */
export async function query<Row extends QueryResultRow>(
  executor: Pool | ClientBase,
  statement: Statement,
  values: readonly unknown[],
): Promise<Row[]> {
  const result = await executor.query<Row>({ ...statement, values: [...values] });
  return result.rows;
}
