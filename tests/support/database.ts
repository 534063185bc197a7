import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { enclose } from '#scripts/prisma/provision-database.ts';
import {
  type DatabaseName,
  type TestInfrastructure,
  templateOf,
  testInfrastructure,
} from './infrastructure.ts';
import { databaseUrlAs } from './templates.ts';

/** A database of a test's own: migrated, and empty. */
export interface TestDatabase {
  /** As its service, which may do what the grants say. */
  readonly url: string;
  /** For the test's own hands, which may do everything. */
  readonly pool: pg.Pool;
  /** Closes everything that is connected to it and removes it. */
  drop(): Promise<void>;
}

/** Clones the template of `database`, which takes a fraction of a second. */
export async function createTestDatabase(
  database: DatabaseName,
  infrastructure: TestInfrastructure = testInfrastructure(),
): Promise<TestDatabase> {
  const { maintenanceUrl } = infrastructure;
  const name = `${database}_${randomUUID().replaceAll('-', '')}`;
  await command(maintenanceUrl, `CREATE DATABASE ${name} TEMPLATE ${templateOf(database)}`);
  await command(maintenanceUrl, enclose(database, name).join(';'));
  const connectionString = Object.assign(new URL(maintenanceUrl), { pathname: `/${name}` }).href;
  const pool = new pg.Pool({ connectionString, max: 4 });
  pool.on('error', () => {
    // Tests end sessions on purpose; the next query opens another one.
  });
  return {
    url: databaseUrlAs('service', { database, name, maintenanceUrl }),
    pool,
    async drop() {
      await pool.end();
      await command(maintenanceUrl, `DROP DATABASE ${name} WITH (FORCE)`);
    },
  };
}

const templateInUse = '55006';

/** Two files that clone the same template at the same moment: one of them has to wait. */
async function command(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await client.query(sql);
        return;
      } catch (error) {
        if ((error as { code?: string }).code !== templateInUse || attempt === 50) throw error;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  } finally {
    await client.end();
  }
}
