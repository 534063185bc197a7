import pg from 'pg';
import { parseUrl, withDatabase } from './database-session.ts';
import { DatabaseSetupError } from './database-setup-error.ts';
import { type DatabaseName, describeDatabase } from './databases.ts';

const duplicateDatabase = '42P04';
/** Whoever changes roles takes this advisory lock first: PostgreSQL lets two of them fail on each other. */
const rolesLock = 20_619;
/**
 * The net below the limits that the services' own connections set, for sessions that set none. It guards against
 * accidents: whoever has a session may lift them.
 */
const serviceSettings = {
  statement_timeout: '60s',
  lock_timeout: '30s',
  idle_in_transaction_session_timeout: '60s',
};

const roleAttributes = 'LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS';

export interface DatabaseAccess {
  readonly database: DatabaseName;
  /** Any database of the server, as a superuser. */
  readonly adminUrl: string;
  /** The database that is wanted, as its owner and as its service; the passwords become those of the roles. */
  readonly ownerUrl: string;
  readonly serviceUrl: string;
}

/**
 * Creates the two roles of a database, the database itself, and shuts everybody else out of it. What is there already
 * stays and is brought in line: the passwords, and who owns the tables. Several may run at once.
 *
 * @throws DatabaseSetupError
 */
export async function provisionDatabase({
  database,
  adminUrl,
  ownerUrl,
  serviceUrl,
}: DatabaseAccess): Promise<void> {
  const { ownerRole, serviceRole, ownerUrlVariable, serviceUrlVariable } = describeDatabase(database);
  const owner = parseUrl(ownerUrl);
  const service = parseUrl(serviceUrl);
  if (owner.user !== ownerRole)
    throw new DatabaseSetupError(`${ownerUrlVariable} must be of the role ${ownerRole}`);
  if (service.user !== serviceRole)
    throw new DatabaseSetupError(`${serviceUrlVariable} must be of the role ${serviceRole}`);

  await withDatabase(adminUrl, async (admin) => {
    await admin.query('SELECT pg_advisory_lock($1)', [rolesLock]);
    for (const { user, password } of [owner, service]) await provideRole(admin, user, password);
    for (const command of limit(database)) await admin.query(command);
    await createDatabase(admin, owner.name);
    for (const command of enclose(database, owner.name)) await admin.query(command);
    await admin.query('REVOKE ALL ON DATABASE postgres, template1 FROM PUBLIC');
  });
  const inside = Object.assign(new URL(adminUrl), { pathname: new URL(ownerUrl).pathname });
  await withDatabase(inside.href, (admin) => takeOver(admin, ownerRole));
}

/**
 * The commands after which only the owner and the service of `database` may enter the database `name`, and only its
 * owner may create anything there. They are no part of a database that is cloned.
 */
export function enclose(database: DatabaseName, name: string): string[] {
  const { ownerRole, serviceRole } = describeDatabase(database);
  const identifier = pg.escapeIdentifier(name);
  return [
    `ALTER DATABASE ${identifier} OWNER TO ${ownerRole}`,
    `REVOKE ALL ON DATABASE ${identifier} FROM PUBLIC`,
    `GRANT CONNECT ON DATABASE ${identifier} TO ${serviceRole}`,
  ];
}

/**
 * The commands of a superuser for whoever has the database `name`, its owner and their passwords from elsewhere, such as
 * an operator in Kubernetes. The server's other databases are the operator's business.
 */
export function provisioningCommands(database: DatabaseName, name: string): string[] {
  const { serviceRole } = describeDatabase(database);
  return [createRole(serviceRole), ...limit(database), ...enclose(database, name)];
}

function createRole(role: string): string {
  return `CREATE ROLE ${role} ${roleAttributes}`;
}

function limit(database: DatabaseName): string[] {
  const { serviceRole } = describeDatabase(database);
  return Object.entries(serviceSettings).map(
    ([setting, value]) => `ALTER ROLE ${serviceRole} SET ${setting} = '${value}'`,
  );
}

async function provideRole(admin: pg.Client, role: string, password: string): Promise<void> {
  if (password === '') throw new DatabaseSetupError(`the URL of ${role} has no password`);
  const { rowCount } = await admin.query('SELECT FROM pg_roles WHERE rolname = $1', [role]);
  if (rowCount === 0) {
    await admin.query(createRole(role));
  }
  await admin.query(`ALTER ROLE ${role} PASSWORD ${pg.escapeLiteral(password)}`);
}

async function createDatabase(admin: pg.Client, name: string): Promise<void> {
  try {
    await admin.query(`CREATE DATABASE ${pg.escapeIdentifier(name)}`);
  } catch (error) {
    if ((error as { code?: string }).code !== duplicateDatabase) throw error;
  }
}

/** Makes the owner the owner also of tables and types that somebody else has created before there were roles. */
async function takeOver(admin: pg.Client, ownerRole: string): Promise<void> {
  const { rows } = await admin.query<{ command: string }>(
    `SELECT format('ALTER TABLE %s OWNER TO %I', oid::regclass, $1::text) AS command
     FROM pg_class
     WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND relowner <> $1::regrole
     UNION ALL
     SELECT format('ALTER TYPE %s OWNER TO %I', oid::regtype, $1::text)
     FROM pg_type
     WHERE typnamespace = 'public'::regnamespace AND typtype = 'e' AND typowner <> $1::regrole`,
    [ownerRole],
  );
  for (const { command } of rows) await admin.query(command);
}
