import { randomUUID } from 'node:crypto';
import { PostgreSqlContainer } from '@testcontainers/postgresql';
import { RabbitMQContainer } from '@testcontainers/rabbitmq';
import type { GenericContainer, StartedTestContainer } from 'testcontainers';
import { prepareEngine } from './container-engine.ts';
import { startWatchdog } from './container-watchdog.ts';

/** A PostgreSQL server and a RabbitMQ node that belong to this test run alone. */
export interface ContainerInfrastructure {
  /** Connection string of the server's database `postgres` as a superuser. */
  readonly maintenanceUrl: string;
  readonly amqpUrl: string;
  /** Management console and HTTP API. */
  readonly managementUrl: string;
  /** An administrator of the broker. */
  readonly username: string;
  readonly password: string;
  /** Removes both containers with their data. */
  stop(): Promise<void>;
}

export interface InfrastructureChoice {
  readonly kind: 'containers' | 'native';
  /** One sentence for the person who runs the tests. */
  readonly explanation: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

const user = 'oms';
const password = 'oms';
const defaultTimeoutSeconds = 60;
const startupTimeoutMs = 120_000;
const recentLines = 30;
const runLabel = 'order-processor.test-run';

/**
 * Decides where PostgreSQL and RabbitMQ of the integration tests run: in containers if an engine answers that has the
 * images or pulls them within TEST_IMAGES_TIMEOUT_SECONDS (60), otherwise natively.
 *
 * TEST_INFRASTRUCTURE=containers|native takes the decision away; TEST_POSTGRES_IMAGE and TEST_RABBITMQ_IMAGE name other
 * images than the official ones.
 *
 * @throws Error with one sentence when containers are demanded and cannot be had, or a variable makes no sense.
 */
export async function chooseInfrastructure(env: Environment = process.env): Promise<InfrastructureChoice> {
  const demanded = env['TEST_INFRASTRUCTURE'] || undefined;
  if (demanded === 'native') {
    return { kind: 'native', explanation: 'Integration tests run natively, as TEST_INFRASTRUCTURE demands.' };
  }
  if (demanded !== undefined && demanded !== 'containers') {
    throw new Error(`TEST_INFRASTRUCTURE is "${demanded}"; it must be "containers", "native" or not set.`);
  }
  const images = imagesFrom(env);
  const engine = await prepareEngine({ images: Object.values(images), timeoutMs: timeoutFrom(env) });
  if (engine.usable) {
    const what = `${images.postgres} and ${images.rabbitmq} on Docker ${engine.version}`;
    return { kind: 'containers', explanation: `Integration tests run in containers: ${what}.` };
  }
  if (demanded === 'containers') {
    throw new Error(`TEST_INFRASTRUCTURE demands containers, but ${engine.reason}.`);
  }
  return { kind: 'native', explanation: `Integration tests run natively, because ${engine.reason}.` };
}

/**
 * Starts both containers and resolves when they answer. They disappear with `stop()`, and without it when this process
 * ends, however it ends.
 *
 * @throws Error that names the container which did not come up, with the last lines it wrote.
 */
export async function startContainerInfrastructure(options: {
  readonly log: (line: string) => void;
}): Promise<ContainerInfrastructure> {
  // Its place is taken by the watchdog, which needs no further image and no access to the engine from a container.
  process.env['TESTCONTAINERS_RYUK_DISABLED'] = 'true';
  const images = imagesFrom(process.env);
  const run = randomUUID();
  const watchdog = startWatchdog(`${runLabel}=${run}`);
  const launch = (name: string, container: GenericContainer) =>
    start({ name, container: container.withLabels({ [runLabel]: run }), log: options.log });

  const starting = [
    launch(images.postgres, postgresContainer(images.postgres)),
    launch(images.rabbitmq, rabbitmqContainer(images.rabbitmq)),
  ] as const;
  const stop = async () => {
    const started = (await Promise.allSettled(starting)).filter((result) => result.status === 'fulfilled');
    await Promise.all(started.map(({ value }) => value.stop({ timeout: 0, removeVolumes: true })));
    watchdog.stop();
  };
  try {
    const [postgres, rabbitmq] = await Promise.all(starting);
    const credentials = `${user}:${password}`;
    return {
      maintenanceUrl: `postgresql://${credentials}@${address(postgres, 5432)}/postgres`,
      amqpUrl: `amqp://${credentials}@${address(rabbitmq, 5672)}`,
      managementUrl: `http://${address(rabbitmq, 15672)}`,
      username: user,
      password,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function imagesFrom(env: Environment) {
  return {
    postgres: env['TEST_POSTGRES_IMAGE'] || 'postgres:18-alpine',
    rabbitmq: env['TEST_RABBITMQ_IMAGE'] || 'rabbitmq:4-management-alpine',
  };
}

function timeoutFrom(env: Environment): number {
  const seconds = Number(env['TEST_IMAGES_TIMEOUT_SECONDS'] || defaultTimeoutSeconds);
  if (seconds > 0 && Number.isFinite(seconds)) return seconds * 1000;
  throw new Error('TEST_IMAGES_TIMEOUT_SECONDS must be a number of seconds above 0.');
}

/** Nobody needs this data after a power cut, so the server does not wait for the disk. */
function postgresContainer(image: string): GenericContainer {
  return new PostgreSqlContainer(image)
    .withUsername(user)
    .withPassword(password)
    .withDatabase('postgres')
    .withCommand(['postgres', '-c', 'fsync=off', '-c', 'max_connections=200']);
}

function rabbitmqContainer(image: string): GenericContainer {
  return new RabbitMQContainer(image).withEnvironment({
    RABBITMQ_DEFAULT_USER: user,
    RABBITMQ_DEFAULT_PASS: password,
  });
}

async function start(options: {
  readonly name: string;
  readonly container: GenericContainer;
  readonly log: (line: string) => void;
}): Promise<StartedTestContainer> {
  const { name, container, log } = options;
  const output: string[] = [];
  const begun = performance.now();
  try {
    const started = await container
      .withStartupTimeout(startupTimeoutMs)
      .withLogConsumer((stream) => {
        stream.on('data', (line) => {
          output.push(String(line).trimEnd());
          if (output.length > recentLines) output.shift();
        });
      })
      .start();
    log(`${name} is ready after ${((performance.now() - begun) / 1000).toFixed(1)} s`);
    return started;
  } catch (error) {
    const message = `The container of ${name} did not come up: ${(error as Error).message}`;
    throw new Error([message, ...output].join('\n'), { cause: error });
  }
}

function address(container: StartedTestContainer, port: number): string {
  return `${container.getHost()}:${container.getMappedPort(port)}`;
}
