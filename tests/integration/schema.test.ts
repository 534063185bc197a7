import { describe, expect, test } from '@jest/globals';
import pg from 'pg';
import { diffMigrationsWithSchema, readMigrations } from '#scripts/prisma/schema-engine.ts';
import { testInfrastructure } from '../support/infrastructure.ts';
import { createMigratedDatabase } from '../support/templates.ts';

const { maintenanceUrl } = testInfrastructure();

describe.each(['order', 'processor'] as const)('the migrations of the %s database', (database) => {
  test('give what the schema says', async () => {
    expect(await diffMigrationsWithSchema({ database, url: maintenanceUrl, as: 'words' })).toBeUndefined();
  });

  test('are applied once when several set-ups start at the same moment', async () => {
    const name = `migrated_${crypto.randomUUID().replaceAll('-', '')}`;
    const target = { database, name, maintenanceUrl };
    const applied = await Promise.all([1, 2, 3].map(() => createMigratedDatabase(target)));
    const { migrationDirectories } = await readMigrations(database);
    expect(applied.flat()).toEqual(migrationDirectories.map(({ path }) => path));
    expect(await createMigratedDatabase(target)).toEqual([]);
    const client = new pg.Client({ connectionString: maintenanceUrl });
    await client.connect();
    await client.query(`DROP DATABASE ${name}`);
    await client.end();
  });
});
