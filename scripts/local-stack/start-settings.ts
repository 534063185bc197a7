import type { DatabaseUrls, ExternalServers } from './infrastructure.ts';
import { localFolder } from './local-folder.ts';
import { defaultPorts, type StackPorts } from './stack.ts';
import { StackError } from './stack-error.ts';

/** What `npm start` can be told by environment variables. */
export interface StartSettings {
  /** Where all local data is kept. */
  readonly dir: string;
  readonly ports: StackPorts;
  /** The ports among them that were asked for, with the name of the variable. */
  readonly insistedPorts: ReadonlyMap<number, string>;
  readonly external: ExternalServers;
  readonly host: string;
  /** What the services get: the same variables, and the defaults of a developer's machine. */
  readonly env: NodeJS.ProcessEnv;
}

const portVariables: Readonly<Record<keyof StackPorts, string>> = {
  order: 'ORDER_HTTP_PORT',
  grpc: 'ORDER_GRPC_PORT',
  processor: 'PROCESSOR_HTTP_PORT',
  sandbox: 'SANDBOX_HTTP_PORT',
  postgres: 'POSTGRES_PORT',
  amqp: 'RABBITMQ_PORT',
  management: 'RABBITMQ_MANAGEMENT_PORT',
};

const databaseVariables = [
  'ORDER_DATABASE_URL',
  'PROCESSOR_DATABASE_URL',
  'ORDER_MIGRATION_DATABASE_URL',
  'PROCESSOR_MIGRATION_DATABASE_URL',
] as const;
const setUpOnly: ReadonlySet<string> = new Set([
  ...databaseVariables,
  'POSTGRES_ADMIN_URL',
  'RABBITMQ_ADMIN_URL',
]);

/**
 * Reads the environment; an empty variable counts as absent.
 *
 * @throws StackError naming the variable that is wrong.
 */
export function readStartSettings(env: NodeJS.ProcessEnv): StartSettings {
  const given = (name: string) => (env[name] === '' ? undefined : env[name]);
  const ports = { ...defaultPorts };
  const insistedPorts = new Map<number, string>();
  for (const [part, variable] of Object.entries(portVariables) as [keyof StackPorts, string][]) {
    const text = given(variable);
    if (text === undefined) continue;
    ports[part] = parsePort(variable, text);
    insistedPorts.set(ports[part], variable);
  }
  return {
    dir: localFolder(env),
    ports,
    insistedPorts,
    external: {
      databases: readDatabaseUrls(given),
      amqpUrl: given('AMQP_URL'),
      managementUrl: given('RABBITMQ_MANAGEMENT_URL'),
    },
    host: given('HOST') ?? '127.0.0.1',
    env: {
      ...forServices(env),
      NODE_ENV: given('NODE_ENV') ?? 'development',
      LOG_LEVEL: given('LOG_LEVEL') ?? 'info',
      AUTH_MODE: given('AUTH_MODE') ?? 'off',
    },
  };
}

/** All of them or none: half of the databases elsewhere is more likely a slip than a wish. */
function readDatabaseUrls(given: (name: string) => string | undefined): DatabaseUrls | undefined {
  const urls = Object.fromEntries(databaseVariables.map((name) => [name, given(name)]));
  const missing = databaseVariables.filter((name) => urls[name] === undefined);
  const postgresAdminUrl = given('POSTGRES_ADMIN_URL');
  if (missing.length === databaseVariables.length) return undefined;
  if (missing.length > 0) {
    throw new StackError(
      `Databases of your own take ${databaseVariables.join(', ')}; there is no ${missing.join(', ')}.`,
    );
  }
  return {
    orderDatabaseUrl: urls['ORDER_DATABASE_URL'] as string,
    processorDatabaseUrl: urls['PROCESSOR_DATABASE_URL'] as string,
    orderMigrationDatabaseUrl: urls['ORDER_MIGRATION_DATABASE_URL'] as string,
    processorMigrationDatabaseUrl: urls['PROCESSOR_MIGRATION_DATABASE_URL'] as string,
    postgresAdminUrl,
  };
}

/** Each service is told its own addresses, and what belongs to the set-up reaches none of them. */
function forServices(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const kept = Object.entries(env).filter(([name]) => !setUpOnly.has(name) && !name.endsWith('_PASSWORD'));
  return Object.fromEntries(kept);
}

function parsePort(variable: string, text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new StackError(`${variable} is "${text}" and has to be a port between 1 and 65535.`);
  }
  return port;
}
