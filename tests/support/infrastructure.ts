/** Where the servers of this test run are; written by the global set-up, read by every test file. */
export interface TestInfrastructure {
  /** A database to give commands from, such as creating others, as a superuser. */
  readonly maintenanceUrl: string;
  /** The broker as its administrator. */
  readonly amqpUrl: string;
  readonly managementUrl: string;
  readonly username: string;
  readonly password: string;
}

export const infrastructureVariable = 'TEST_INFRASTRUCTURE_AT';
export const databaseNames = ['order', 'processor'] as const;
export type DatabaseName = (typeof databaseNames)[number];

/** The migrated and otherwise empty database that each test's own is cloned from. */
export function templateOf(database: DatabaseName): string {
  return `${database}_template`;
}

export function testInfrastructure(): TestInfrastructure {
  const description = process.env[infrastructureVariable];
  if (!description) throw new Error('the test servers are not running: start the tests with npm test');
  return JSON.parse(description) as TestInfrastructure;
}
