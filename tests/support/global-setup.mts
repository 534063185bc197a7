import { applyMigrations } from '#scripts/prisma/migrate.ts';
import { databaseNames, infrastructureVariable, templateOf } from './infrastructure.ts';
import { startTestServers, type TestServers } from './servers.ts';

declare global {
  var testServers: Promise<TestServers> | undefined;
}

/** Runs once before all tests: servers, and a migrated template of each database. */
export default async function globalSetup(): Promise<void> {
  // Every project calls this; the first one does it for all.
  globalThis.testServers ??= prepare();
  await globalThis.testServers;
}

async function prepare(): Promise<TestServers> {
  const servers = await startTestServers();
  try {
    for (const database of databaseNames) {
      await applyMigrations({ database, url: servers.infrastructure.postgresUrl(templateOf(database)) });
    }
  } catch (error) {
    await servers.stop();
    throw error;
  }
  const { postgresUrl, ...rest } = servers.infrastructure;
  process.env[infrastructureVariable] = JSON.stringify({ ...rest, maintenanceUrl: postgresUrl('postgres') });
  return servers;
}
