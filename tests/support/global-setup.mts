import { infrastructureVariable } from './infrastructure.ts';
import { startTestServers, type TestServers } from './servers.ts';
import { createTemplates } from './templates.ts';

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
  const { maintenanceUrl } = servers.infrastructure;
  try {
    await createTemplates(maintenanceUrl);
  } catch (error) {
    await servers.stop();
    throw error;
  }
  process.env[infrastructureVariable] = JSON.stringify(servers.infrastructure);
  return servers;
}
