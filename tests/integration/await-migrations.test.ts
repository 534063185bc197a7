import { afterEach, describe, expect, test } from '@jest/globals';
import { findMissingMigrations } from '#scripts/prisma/await-migrations.ts';
import { databaseNames } from '#scripts/prisma/databases.ts';
import { readMigrations } from '#scripts/prisma/schema-engine.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

let own: TestDatabase;
afterEach(() => own?.drop());

describe.each(databaseNames)('whoever waits for the migrations of the %s database', (database) => {
  const missing = () => findMissingMigrations({ database, url: own.url });

  test('finds none missing once all are applied, as the role of the service', async () => {
    own = await createTestDatabase(database);
    expect(await missing()).toEqual([]);
  });

  test('finds what was not applied, has not ended or was rolled back', async () => {
    own = await createTestDatabase(database);
    const names = (await readMigrations(database)).migrationDirectories.map(({ path }) => path);
    const [first, second, third] = names as [string, string, string];
    await own.pool.query('DELETE FROM _prisma_migrations WHERE migration_name = $1', [first]);
    await own.pool.query('UPDATE _prisma_migrations SET finished_at = NULL WHERE migration_name = $1', [
      second,
    ]);
    await own.pool.query('UPDATE _prisma_migrations SET rolled_back_at = now() WHERE migration_name = $1', [
      third,
    ]);
    expect(await missing()).toEqual([first, second, third]);
  });

  test('does not mind migrations of a later version', async () => {
    own = await createTestDatabase(database);
    await own.pool.query(
      `INSERT INTO _prisma_migrations (id, checksum, migration_name, finished_at) VALUES ('later', '', 'later', now())`,
    );
    expect(await missing()).toEqual([]);
  });

  test('is told that it cannot be known where nothing was set up', async () => {
    own = await createTestDatabase(database);
    await own.pool.query('DROP TABLE _prisma_migrations');
    await expect(missing()).rejects.toThrow('cannot be prepared');
    await expect(findMissingMigrations({ database, url: 'postgresql://a:b@127.0.0.1:1/c' })).rejects.toThrow(
      'no PostgreSQL answers',
    );
  });
});
