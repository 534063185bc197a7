import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import { databaseNames, describeDatabase } from '#scripts/prisma/databases.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { type DatabaseName, templateOf, testInfrastructure } from '../support/infrastructure.ts';
import { databaseUrlAs } from '../support/templates.ts';

const insufficientPrivilege = '42501';
const { maintenanceUrl } = testInfrastructure();

/** What a service is told no to, whatever tables it has. */
const forbiddenEverywhere = [
  'CREATE TABLE public.own (id int)',
  'CREATE TEMPORARY TABLE own (id int)',
  'CREATE SCHEMA own',
  'CREATE FUNCTION public.own() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$',
  'CREATE EXTENSION pg_stat_statements',
  'CREATE DATABASE own',
  'CREATE ROLE own',
  'ALTER ROLE oms PASSWORD $$guess$$',
  'ALTER SYSTEM SET fsync = off',
  'ALTER TABLE outbox ADD COLUMN own int',
  'ALTER TABLE outbox DISABLE TRIGGER ALL',
  'CREATE INDEX own ON outbox (payload)',
  'DROP TABLE outbox',
  'TRUNCATE outbox',
  "SELECT setval('outbox_id_seq', 1)",
  "UPDATE outbox SET payload = '{}'",
  'SET ROLE oms',
  'SET session_replication_role = replica',
  'SELECT * FROM pg_authid',
  'SELECT * FROM _prisma_migrations',
  "COPY outbox TO PROGRAM 'cat'",
  "COPY outbox FROM PROGRAM 'true'",
  "COPY outbox TO '/tmp/outbox'",
  "SELECT pg_read_file('postgresql.conf')",
  "SELECT pg_ls_dir('.')",
  'SELECT pg_reload_conf()',
];

/** What each is told no to in its own tables: history stays, and what is said once is said once. */
const forbidden: Readonly<Record<DatabaseName, readonly string[]>> = {
  order: [
    "UPDATE orders SET customer_id = 'somebody-else'",
    'UPDATE orders SET total_minor = 1',
    'DELETE FROM orders',
    'UPDATE order_items SET quantity = 1',
    'DELETE FROM order_items',
    "UPDATE order_events SET actor = 'nobody'",
    'DELETE FROM order_events',
    "UPDATE inbox SET outcome = 'applied'",
    'DELETE FROM inbox',
    "UPDATE operator_actions SET operator = 'nobody'",
    'DELETE FROM operator_actions',
    "UPDATE webhook_deliveries SET payload = '{}'",
    "UPDATE webhooks SET owner = 'somebody-else'",
    "UPDATE webhooks SET customer_id = ''",
    'CREATE TRIGGER own BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()',
    'ALTER ROLE order_service CREATEDB',
    'SET ROLE order_owner',
    'SET ROLE processor_service',
  ],
  processor: [
    'UPDATE sagas SET "order" = \'{}\'',
    'DELETE FROM sagas',
    'DELETE FROM stock',
    'UPDATE reservations SET quantity = 1',
    'DELETE FROM reservations',
    "UPDATE operator_actions SET operator = 'nobody'",
    'DELETE FROM operator_actions',
    'DELETE FROM replay_runs',
    'ALTER ROLE processor_service CREATEDB',
    'SET ROLE processor_owner',
    'SET ROLE order_service',
  ],
};

describe.each(databaseNames)('the %s-service in PostgreSQL', (database) => {
  let own: TestDatabase;
  let client: pg.Client;

  beforeAll(async () => {
    own = await createTestDatabase(database);
    client = await connect(own.url);
  });

  afterAll(async () => {
    await client?.end();
    await own?.drop();
  });

  test('works as the role of its service', async () => {
    const { rows } = await client.query('SELECT current_user AS role');
    expect(rows).toEqual([{ role: describeDatabase(database).serviceRole }]);
  });

  test.each([...forbiddenEverywhere, ...forbidden[database]])('is refused: %s', async (sql) => {
    await expect(client.query(sql)).rejects.toMatchObject({ code: insufficientPrivilege });
  });

  test('has the attributes of nobody in particular, and limits on every wait', async () => {
    const { rows } = await client.query(
      `SELECT rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication OR rolbypassrls AS special,
              (SELECT count(*)::int FROM pg_auth_members WHERE member = pg_roles.oid) AS memberships,
              current_setting('statement_timeout') AS statement, current_setting('lock_timeout') AS lock,
              current_setting('idle_in_transaction_session_timeout') AS idle
       FROM pg_roles WHERE rolname = current_user`,
    );
    expect(rows).toEqual([{ special: false, memberships: 0, statement: '1min', lock: '30s', idle: '1min' }]);
  });

  test('owns nothing', async () => {
    const { rows } = await client.query(
      `SELECT count(*)::int AS owned FROM pg_shdepend
       WHERE refobjid = to_regrole(current_user)::oid AND deptype = 'o'`,
    );
    expect(rows).toEqual([{ owned: 0 }]);
  });

  test('enters no database but its own', async () => {
    const [other = 'order'] = databaseNames.filter((name) => name !== database);
    for (const name of [templateOf(other), 'postgres', 'template1']) {
      const url = databaseUrlAs('service', { database, name, maintenanceUrl });
      await expect(connect(url)).rejects.toMatchObject({ code: insufficientPrivilege });
    }
  });

  test('leaves its owner to migrate its own database and no other', async () => {
    const [other = 'order'] = databaseNames.filter((name) => name !== database);
    const ownerOf = (name: string) => databaseUrlAs('owner', { database, name, maintenanceUrl });
    const owner = await connect(ownerOf(new URL(own.url).pathname.slice(1)));
    await owner.query('CREATE TABLE added (id int)');
    await expect(client.query('SELECT * FROM added')).rejects.toMatchObject({ code: insufficientPrivilege });
    await expect(owner.query('CREATE ROLE own')).rejects.toMatchObject({ code: insufficientPrivilege });
    await expect(owner.query('CREATE DATABASE own')).rejects.toMatchObject({ code: insufficientPrivilege });
    await owner.end();
    await expect(connect(ownerOf(templateOf(other)))).rejects.toMatchObject({ code: insufficientPrivilege });
  });
});

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  try {
    await client.connect();
    return client;
  } catch (error) {
    await client.end();
    throw error;
  }
}
