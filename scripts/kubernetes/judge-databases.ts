import { databaseNames } from '#scripts/prisma/databases.ts';
import { provisioningCommands } from '#scripts/prisma/provision-database.ts';
import type { Manifest } from './manifest.ts';
import { ofKind } from './pods.ts';

interface InitDb {
  readonly postInitSQL?: readonly string[];
  readonly postInitApplicationSQL?: readonly string[];
}

interface ClusterSpec {
  readonly instances: number;
  readonly enablePDB?: boolean;
  readonly bootstrap: { readonly initdb: InitDb };
}

/**
 * Is each database fenced in as `scripts/prisma/migrate.ts` does it for a superuser; and may nodes be drained, but not of
 * all instances at once?
 */
export function judgeDatabases(manifests: readonly Manifest[]): string[] {
  return databaseNames.flatMap((database) => {
    const name = `${database}-db`;
    const cluster = ofKind(manifests, 'Cluster').find(({ metadata }) => metadata.name === name);
    if (cluster === undefined) return [`Cluster ${name}: is missing`];
    const { instances, enablePDB = true, bootstrap } = cluster.spec as ClusterSpec;
    const { initdb } = bootstrap;
    const said = [...(initdb.postInitSQL ?? []), ...(initdb.postInitApplicationSQL ?? [])];
    const isAlone = instances === 1;
    return [
      ...provisioningCommands(database, `${database}_db`)
        .filter((command) => !said.includes(command))
        .map((command) => `does not say ${command}`),
      ...(isAlone && enablePDB ? ['lets nobody drain the node of its only instance'] : []),
      ...(!isAlone && !enablePDB ? ['may lose all instances to nodes that are drained'] : []),
    ].map((complaint) => `Cluster ${name}: ${complaint}`);
  });
}
