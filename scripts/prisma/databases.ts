import { fileURLToPath } from 'node:url';

export const databaseNames = ['order', 'processor'] as const;

/** One of the two databases; each belongs to the service of the same name. */
export type DatabaseName = (typeof databaseNames)[number];

export const repositoryRoot = fileURLToPath(new URL('../..', import.meta.url));

/** Where a database's schema, migrations and generated client are (absolute paths), and which variable names it. */
export function describeDatabase(database: DatabaseName) {
  return {
    schemaFile: fileURLToPath(new URL(`../../prisma/${database}/schema.prisma`, import.meta.url)),
    migrationsFolder: fileURLToPath(new URL(`../../prisma/${database}/migrations`, import.meta.url)),
    generatedFolder: fileURLToPath(
      new URL(`../../${database}-service/src/infrastructure/postgres/generated`, import.meta.url),
    ),
    urlVariable: database === 'order' ? 'ORDER_DATABASE_URL' : 'PROCESSOR_DATABASE_URL',
  } as const;
}

export function isDatabaseName(text: string | undefined): text is DatabaseName {
  return databaseNames.some((name) => name === text);
}
