import { availableParallelism, cpus, totalmem } from 'node:os';
import { connect } from 'amqplib';
import pg from 'pg';

/** One line about what all of it runs on. */
export async function describeMachine(databaseUrl: string, amqpUrl: string): Promise<string> {
  const model = cpus()[0]?.model.trim() ?? process.arch;
  const gigabytes = (totalmem() / 2 ** 30).toFixed(0);
  const parts = [
    `${availableParallelism()} cores (${model}), ${gigabytes} GiB`,
    `Node ${process.versions.node}`,
    `PostgreSQL ${await describePostgres(databaseUrl)}`,
    `RabbitMQ ${await describeRabbitmq(amqpUrl)}`,
  ];
  return parts.join(' · ');
}

async function describePostgres(url: string): Promise<string> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ version: string; fsync: string; commit: string }>(
      `SELECT current_setting('server_version') AS version, current_setting('fsync') AS fsync,
              current_setting('synchronous_commit') AS commit`,
    );
    const [row] = rows;
    return `${row?.version} (fsync ${row?.fsync}, synchronous_commit ${row?.commit})`;
  } finally {
    await client.end();
  }
}

async function describeRabbitmq(url: string): Promise<string> {
  const connection = await connect(url);
  try {
    return connection.connection.serverProperties.version;
  } finally {
    await connection.close();
  }
}
