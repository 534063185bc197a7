import { describeDatabase } from '#scripts/prisma/databases.ts';
import { applyMigrations } from '#scripts/prisma/migrate.ts';
import { provisionDatabase } from '#scripts/prisma/provision-database.ts';
import { type DatabaseName, databaseNames, templateOf } from './infrastructure.ts';

/** Of every role; these servers live as long as the tests and are reached on this machine only. */
const password = 'test';

/** The URL of the database `name` on the server of `maintenanceUrl` for the service of `database` or for its owner. */
export function databaseUrlAs(
  role: 'service' | 'owner',
  { database, name, maintenanceUrl }: { database: DatabaseName; name: string; maintenanceUrl: string },
): string {
  const { serviceRole, ownerRole } = describeDatabase(database);
  const username = role === 'service' ? serviceRole : ownerRole;
  return Object.assign(new URL(maintenanceUrl), { username, password, pathname: `/${name}` }).href;
}

/** Creates and migrates a database `name` of the kind `database`, as a deployment does it. */
export async function createMigratedDatabase(target: {
  database: DatabaseName;
  name: string;
  maintenanceUrl: string;
}): Promise<string[]> {
  const { database, maintenanceUrl } = target;
  const ownerUrl = databaseUrlAs('owner', target);
  const serviceUrl = databaseUrlAs('service', target);
  await provisionDatabase({ database, adminUrl: maintenanceUrl, ownerUrl, serviceUrl });
  return applyMigrations({ database, url: ownerUrl });
}

/** The databases that each test's own is cloned from. */
export async function createTemplates(maintenanceUrl: string): Promise<void> {
  for (const database of databaseNames) {
    await createMigratedDatabase({ database, name: templateOf(database), maintenanceUrl });
  }
}
