import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { startInfrastructure } from '#scripts/local-stack/infrastructure.ts';
import { repositoryRoot } from '#scripts/local-stack/services.ts';
import { generateClients } from '#scripts/prisma/generate.ts';
import {
  type ContainerInfrastructure,
  chooseInfrastructure,
  startContainerInfrastructure,
} from './containers.ts';

/** The PostgreSQL and the RabbitMQ of a test run. */
export interface TestServers {
  readonly infrastructure: Omit<ContainerInfrastructure, 'stop'>;
  stop(): Promise<void>;
}

/**
 * Where the search for free ports begins: elsewhere for each run, so that two at the same time do not take each other's, and
 * below the range from which outgoing connections take theirs.
 */
const step = 4 * (process.pid % 250);
const ports = { amqp: 10_000 + step, postgres: 11_000 + step, management: 12_000 + step };

/** Starts them in containers or natively, and says which. Nobody needs their data afterwards. */
export async function startTestServers(): Promise<TestServers> {
  await generateClients();
  const choice = await chooseInfrastructure();
  process.stdout.write(`\n${choice.explanation}\n`);
  if (choice.kind === 'native') return startNativeServers();
  const { stop, ...infrastructure } = await startContainerInfrastructure({ log: () => undefined });
  return { infrastructure, stop };
}

async function startNativeServers(): Promise<TestServers> {
  const dir = join(repositoryRoot, '.local', `test-${process.pid}`);
  const infrastructure = await startInfrastructure({
    dir,
    ports,
    postgresSettings: { fsync: 'off', max_connections: '200' },
    report: (message) => process.stdout.write(`${message}\n`),
  });
  const { postgresAdminUrl = '', rabbitmqAdminUrl = '', amqpUrls, managementUrl } = infrastructure;
  const { username, password } = new URL(rabbitmqAdminUrl);
  return {
    infrastructure: {
      maintenanceUrl: postgresAdminUrl,
      amqpUrl: Object.assign(new URL(amqpUrls.topology), { username, password }).href,
      managementUrl,
      username,
      password,
    },
    async stop() {
      await infrastructure.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
