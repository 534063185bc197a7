import { join } from 'node:path';
import { type BrokerUserName, brokerUserNames } from '#shared/contracts/broker-users.ts';
import type { RunningProcess, SpawnedProcess } from './child-process.ts';
import { createPortPicker, type PortPicker } from './ports.ts';
import { startPostgres } from './postgres.ts';
import { startRabbitmq } from './rabbitmq.ts';
import { findOrInstallRabbitmq } from './rabbitmq-installation.ts';
import { openSecrets } from './secrets.ts';
import { keepRunning, type Stoppable, startTogether } from './supervision.ts';

/** Preferred ports; whichever is taken moves to the next free one. */
export interface InfrastructurePorts {
  readonly postgres: number;
  readonly amqp: number;
  readonly management: number;
}

/** Each database as its service and as its owner, who migrates it. */
export interface DatabaseUrls {
  readonly orderDatabaseUrl: string;
  readonly processorDatabaseUrl: string;
  readonly orderMigrationDatabaseUrl: string;
  readonly processorMigrationDatabaseUrl: string;
  /** A superuser of their server, to create databases and roles; without, they must be there. */
  readonly postgresAdminUrl?: string | undefined;
}

/** Servers that somebody else runs. What is given here is used as it is, and nothing is started in its place. */
export interface ExternalServers {
  readonly databases?: DatabaseUrls | undefined;
  /** One account for everything; what it may do is up to the broker. */
  readonly amqpUrl?: string | undefined;
  readonly managementUrl?: string | undefined;
}

export interface InfrastructureOptions {
  /** All data and settings of both servers live below this folder. */
  readonly dir: string;
  readonly ports?: Partial<InfrastructurePorts> | undefined;
  readonly pickPort?: PortPicker | undefined;
  readonly external?: ExternalServers | undefined;
  /** Settings such as `{ fsync: 'off' }`; without them PostgreSQL is fully durable. */
  readonly postgresSettings?: Readonly<Record<string, string>> | undefined;
  /** Told what has been reached, one sentence at a time. */
  readonly report?: ((message: string) => void) | undefined;
  /** Told every line that a server or an installation writes. */
  readonly log?: ((source: string, line: string) => void) | undefined;
  readonly onSpawn?: ((child: SpawnedProcess) => void) | undefined;
  /** Told the process id of each server, also after it had to be started again. */
  readonly onRunning?: ((name: string, pid: number) => void) | undefined;
  /** Once aborted, a server that ends is not started again. */
  readonly signal?: AbortSignal | undefined;
}

/** The broker as each of its users. */
export interface BrokerUrls {
  readonly amqpUrls: Readonly<Record<BrokerUserName, string>>;
  readonly managementUrl: string;
  /** The management API as an administrator, to create users; without, they must be there. */
  readonly rabbitmqAdminUrl?: string | undefined;
}

export interface Infrastructure extends DatabaseUrls, BrokerUrls {
  stop(): Promise<void>;
}

export const defaultInfrastructurePorts: InfrastructurePorts = {
  postgres: 5432,
  amqp: 5672,
  management: 15672,
};
/** What a management console listens on where nobody said otherwise. */
const usualManagementPort = '15672';

/**
 * Brings up PostgreSQL and RabbitMQ side by side, keeps them running until `stop`, and says where they are. The
 * databases themselves and their roles are created with the migrations.
 *
 * @throws StackError when a prerequisite is missing; nothing is left running then.
 */
export async function startInfrastructure(options: InfrastructureOptions): Promise<Infrastructure> {
  const { pickPort = createPortPicker() } = options;
  const [databases, broker] = await startTogether([
    providePostgres({ ...options, pickPort }),
    provideRabbitmq({ ...options, pickPort }),
  ]);
  return {
    ...databases,
    ...broker,
    stop: async () => {
      await Promise.all([databases.stop(), broker.stop()]);
    },
  };
}

type Databases = DatabaseUrls & Stoppable;
type Broker = BrokerUrls & Stoppable;
type WithPicker = InfrastructureOptions & { readonly pickPort: PortPicker };

async function providePostgres(options: WithPicker): Promise<Databases> {
  const { dir, ports, pickPort, external = {}, report, log, onSpawn, postgresSettings, signal } = options;
  if (external.databases !== undefined) return { ...external.databases, stop: async () => {} };
  const secrets = openSecrets(dir);
  const port = await pickPort(ports?.postgres ?? defaultInfrastructurePorts.postgres);
  const start = () => {
    signal?.throwIfAborted();
    return startPostgres({
      dataDir: join(dir, 'postgres'),
      port,
      password: secrets('postgres'),
      log: (line) => log?.('postgres', line),
      settings: postgresSettings,
      onSpawn,
    });
  };
  const running = await start();
  report?.(`PostgreSQL is ready on port ${port}`);
  const urlAs = (username: string, database: string) =>
    Object.assign(new URL(running.url(database)), { username, password: secrets(username) }).href;
  return {
    orderDatabaseUrl: urlAs('order_service', 'order_db'),
    processorDatabaseUrl: urlAs('processor_service', 'processor_db'),
    orderMigrationDatabaseUrl: urlAs('order_owner', 'order_db'),
    processorMigrationDatabaseUrl: urlAs('processor_owner', 'processor_db'),
    postgresAdminUrl: running.url('postgres'),
    ...supervise(running, start, options),
  };
}

async function provideRabbitmq(options: WithPicker): Promise<Broker> {
  const { dir, ports, pickPort, external = {}, report, log, onSpawn, signal } = options;
  if (external.amqpUrl !== undefined) {
    const { amqpUrl, managementUrl = usualManagementUrl(amqpUrl) } = external;
    return { amqpUrls: forEachUser(() => amqpUrl), managementUrl, stop: async () => {} };
  }
  const secrets = openSecrets(dir);
  // Before the ports are chosen: an installation takes long enough for somebody else to take them.
  await findOrInstallRabbitmq({
    log: (line) => log?.('apt', line),
    onInstall: () => report?.('RabbitMQ is missing: installing rabbitmq-server with apt'),
  });
  const amqpPort = await pickPort(ports?.amqp ?? defaultInfrastructurePorts.amqp);
  const managementPort = await pickPort(ports?.management ?? defaultInfrastructurePorts.management);
  const start = () => {
    signal?.throwIfAborted();
    return startRabbitmq({
      dir: join(dir, 'rabbitmq'),
      amqpPort,
      managementPort,
      password: secrets('rabbitmq'),
      log: (line) => log?.('rabbitmq', line),
      onSpawn,
    });
  };
  const running = await start();
  report?.(`RabbitMQ is ready on port ${amqpPort}`);
  const { amqpUrl, managementUrl, username, password } = running;
  return {
    amqpUrls: forEachUser(
      (user) => Object.assign(new URL(amqpUrl), { username: user, password: secrets(user) }).href,
    ),
    managementUrl,
    rabbitmqAdminUrl: Object.assign(new URL(managementUrl), { username, password }).href,
    ...supervise(running, start, options),
  };
}

function forEachUser(urlOf: (user: BrokerUserName) => string): BrokerUrls['amqpUrls'] {
  return Object.fromEntries(brokerUserNames.map((user) => [user, urlOf(user)])) as BrokerUrls['amqpUrls'];
}

function supervise<Running extends RunningProcess>(
  running: Running,
  restart: () => Promise<Running>,
  { report = () => undefined, onRunning, signal }: InfrastructureOptions,
): Stoppable {
  onRunning?.(running.name, running.pid);
  return keepRunning({
    running,
    restart,
    log: report,
    signal,
    onRestart: ({ name, pid }) => onRunning?.(name, pid),
  });
}

function usualManagementUrl(amqpUrl: string): string {
  const { hostname } = new URL(amqpUrl);
  return `http://${hostname}:${usualManagementPort}`;
}
