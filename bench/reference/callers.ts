import pg from 'pg';
import { newId } from '#shared/kernel/ids.ts';
import { monotonicMs } from '../monotonic.ts';
import type { AcceptStatement } from './accept-statement.ts';

/** Runs the statement for `seconds` over `clients` connections of `pg`, prepared, and gives the statements per second. */
export async function runCallers(options: {
  url: string;
  statement: AcceptStatement;
  clients: number;
  seconds: number;
}): Promise<number> {
  const { url, statement, clients, seconds } = options;
  const { name, text, values, orderId } = statement;
  const connections = Array.from({ length: clients }, () => new pg.Client({ connectionString: url }));
  await Promise.all(connections.map((connection) => connection.connect()));
  try {
    const startedAt = monotonicMs();
    const endAt = startedAt + seconds * 1_000;
    let done = 0;
    await Promise.all(
      connections.map(async (connection) => {
        while (monotonicMs() < endAt) {
          const id = newId();
          await connection.query({
            name,
            text,
            values: values.map((value) => value.replaceAll(orderId, id)),
          });
          done += 1;
        }
      }),
    );
    return (done / (monotonicMs() - startedAt)) * 1_000;
  } finally {
    await Promise.all(connections.map((connection) => connection.end()));
  }
}
