import { fileURLToPath } from 'node:url';

export const databaseNames = ['order', 'processor'] as const;

/** One of the two databases; each belongs to the service of the same name. */
export type DatabaseName = (typeof databaseNames)[number];

export const repositoryRoot = fileURLToPath(new URL('../..', import.meta.url));

/**
 * Where a database's schema, migrations, grants and generated client are (absolute paths), who works in it and which
 * variables name it.
 */
export function describeDatabase(database: DatabaseName) {
  const inPrisma = (path: string) =>
    fileURLToPath(new URL(`../../prisma/${database}/${path}`, import.meta.url));
  return {
    schemaFile: inPrisma('schema.prisma'),
    migrationsFolder: inPrisma('migrations'),
    grantsFile: inPrisma('grants.sql'),
    generatedFolder: fileURLToPath(
      new URL(`../../${database}-service/src/infrastructure/postgres/generated`, import.meta.url),
    ),
    /** Owns the database and everything in it; migrates it. */
    ownerRole: `${database}_owner`,
    ownerUrlVariable:
      database === 'order' ? 'ORDER_MIGRATION_DATABASE_URL' : 'PROCESSOR_MIGRATION_DATABASE_URL',
    /** What the service works as; may do what the grants say. */
    serviceRole: `${database}_service`,
    serviceUrlVariable: database === 'order' ? 'ORDER_DATABASE_URL' : 'PROCESSOR_DATABASE_URL',
  } as const;
}

export function isDatabaseName(text: string | undefined): text is DatabaseName {
  return databaseNames.some((name) => name === text);
}
