import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createPortPicker } from '#scripts/local-stack/ports.ts';
import { startPostgres } from '#scripts/local-stack/postgres.ts';
import { startRabbitmq } from '#scripts/local-stack/rabbitmq.ts';
import { repositoryRoot } from '#scripts/local-stack/services.ts';
import { type TestInfrastructure, testInfrastructure } from './infrastructure.ts';
import { createTemplates } from './templates.ts';

/** A server that a test may take away. */
export interface PrivateServer {
  /** The servers of the test run, with this one in the place of theirs. */
  readonly infrastructure: TestInfrastructure;
  pid(): number;
  /** SIGKILL, and until it is gone. */
  kill(): Promise<void>;
  /** Starts it again with its data and on its port, and waits until it answers. */
  restart(): Promise<void>;
  /** Ends it for good and removes its data. */
  dispose(): Promise<void>;
}

const pickPort = createPortPicker();
/** Each process begins elsewhere to look for ports: a server that is away must find its own free when it comes back. */
const firstPort = 17_000 + 10 * (process.pid % 300);

/** A RabbitMQ node of the test's own. */
export async function startPrivateBroker(): Promise<PrivateServer> {
  const dir = await privateFolder('rabbitmq');
  const amqpPort = await pickPort(firstPort);
  const managementPort = await pickPort(firstPort);
  const start = () => startRabbitmq({ dir, amqpPort, managementPort, password: 'test' });
  const server = await start();
  const { amqpUrl, managementUrl, username, password } = server;
  const infrastructure = { ...testInfrastructure(), amqpUrl, managementUrl, username, password };
  return { infrastructure, ...takeaway(server, start, dir) };
}

/** A PostgreSQL server of the test's own, with the migrated templates. */
export async function startPrivatePostgres(): Promise<PrivateServer> {
  const dir = await privateFolder('postgres');
  const port = await pickPort(firstPort);
  const start = () =>
    startPostgres({
      dataDir: join(dir, 'data'),
      port,
      password: 'test',
      settings: { fsync: 'off', max_connections: '100' },
    });
  const server = await start();
  const maintenanceUrl = server.url('postgres');
  await createTemplates(maintenanceUrl);
  const infrastructure = { ...testInfrastructure(), maintenanceUrl };
  return { infrastructure, ...takeaway(server, start, dir) };
}

type Running = Awaited<ReturnType<typeof startRabbitmq>> | Awaited<ReturnType<typeof startPostgres>>;

function takeaway(server: Running, start: () => Promise<Running>, dir: string) {
  let current = server;
  return {
    pid: () => current.pid,
    async kill() {
      current.kill('SIGKILL');
      await current.exited;
    },
    async restart() {
      current = await start();
    },
    async dispose() {
      current.kill('SIGKILL');
      await current.exited;
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** Not in the temporary folder of the system: the account that PostgreSQL runs under must be able to get there. */
async function privateFolder(name: string): Promise<string> {
  const dir = join(repositoryRoot, '.local', `test-${process.pid}-${name}`);
  await mkdir(dir, { recursive: true });
  return dir;
}
