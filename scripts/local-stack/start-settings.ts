import { join, resolve } from 'node:path';
import type { ExternalServers } from './infrastructure.ts';
import { repositoryRoot } from './services.ts';
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
  processor: 'PROCESSOR_HTTP_PORT',
  sandbox: 'SANDBOX_HTTP_PORT',
  postgres: 'POSTGRES_PORT',
  amqp: 'RABBITMQ_PORT',
  management: 'RABBITMQ_MANAGEMENT_PORT',
};

/** The folder of the local data: `.local` in the repository, or LOCAL_STACK_DIR. */
export function localFolder(env: NodeJS.ProcessEnv): string {
  return resolve(env['LOCAL_STACK_DIR'] || join(repositoryRoot, '.local'));
}

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
      orderDatabaseUrl: given('ORDER_DATABASE_URL'),
      processorDatabaseUrl: given('PROCESSOR_DATABASE_URL'),
      amqpUrl: given('AMQP_URL'),
      managementUrl: given('RABBITMQ_MANAGEMENT_URL'),
    },
    host: given('HOST') ?? '127.0.0.1',
    env: { ...env, NODE_ENV: given('NODE_ENV') ?? 'development', LOG_LEVEL: given('LOG_LEVEL') ?? 'info' },
  };
}

function parsePort(variable: string, text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new StackError(`${variable} is "${text}" and has to be a port between 1 and 65535.`);
  }
  return port;
}
