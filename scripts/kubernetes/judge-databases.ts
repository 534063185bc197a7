import { databaseNames } from '#scripts/prisma/databases.ts';
import { provisioningCommands } from '#scripts/prisma/provision-database.ts';
import type { Manifest } from './manifest.ts';
import { ofKind } from './pods.ts';

interface InitDb {
  readonly postInitSQL?: readonly string[];
  readonly postInitApplicationSQL?: readonly string[];
}

/** Is each database fenced in as `scripts/prisma/migrate.ts` does it for a superuser? */
export function judgeDatabases(manifests: readonly Manifest[]): string[] {
  return databaseNames.flatMap((database) => {
    const name = `${database}-db`;
    const cluster = ofKind(manifests, 'Cluster').find(({ metadata }) => metadata.name === name);
    if (cluster === undefined) return [`Cluster ${name}: is missing`];
    const { initdb } = (cluster.spec as { bootstrap: { initdb: InitDb } }).bootstrap;
    const said = [...(initdb.postInitSQL ?? []), ...(initdb.postInitApplicationSQL ?? [])];
    return provisioningCommands(database, `${database}_db`)
      .filter((command) => !said.includes(command))
      .map((command) => `Cluster ${name}: does not say ${command}`);
  });
}
