import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type ChildProcess,
  explainExit,
  type ProcessExit,
  type SpawnedProcess,
} from '#scripts/local-stack/child-process.ts';
import { type Infrastructure, startInfrastructure } from '#scripts/local-stack/infrastructure.ts';
import { createPortPicker } from '#scripts/local-stack/ports.ts';
import { openProcessRegister } from '#scripts/local-stack/process-register.ts';
import { provideBroker } from '#scripts/local-stack/provide-broker.ts';
import {
  describeServices,
  launchService,
  repositoryRoot,
  type Service,
  type Services,
  waitUntilReady,
} from '#scripts/local-stack/services.ts';
import { StackError } from '#scripts/local-stack/stack-error.ts';
import { registerFile, takeOver } from '#scripts/local-stack/take-over.ts';
import { generateClients } from '#scripts/prisma/generate.ts';
import { applyMigrations } from '#scripts/prisma/migrate.ts';
import { provisionDatabase } from '#scripts/prisma/provision-database.ts';
import { seedStock } from '#scripts/seed-stock.ts';
import { buildTopology } from '#shared/contracts/topology.ts';
import { declareTopology } from '#shared/messaging/declare-topology.ts';

export type ServiceName = keyof Services;

/** The whole system, brought up for one run. */
export interface BenchSystem extends Databases {
  readonly orderServiceUrl: string;
  readonly sandboxUrl: string;
  readonly amqpUrl: string;
  /** Process ids by name; of PostgreSQL and RabbitMQ those of the server. */
  readonly pids: ReadonlyMap<string, number>;
  /** Rejects when a part of the system ends before it is told to. */
  readonly failure: Promise<never>;
  /** Freezes the processor-service; it can bear that for a few seconds. */
  pauseProcessor(): void;
  resumeProcessor(): void;
  /** SIGTERM to both services, and until they are gone. The servers and the sandbox stay. */
  stopServices(): Promise<void>;
  stop(): Promise<void>;
}

interface Databases {
  /** A superuser, who may look at the server's statistics. */
  readonly postgresAdminUrl: string;
  readonly orderDatabaseUrl: string;
  readonly processorDatabaseUrl: string;
  /** A database with the tables of order_db that nothing else uses. */
  readonly referenceDatabaseUrl: string;
}

export interface BenchSystemOptions {
  readonly report: (message: string) => void;
  /** Told every line that a server or a service writes. */
  readonly log: (source: string, line: string) => void;
  readonly signal: AbortSignal;
  readonly postgresSettings?: Readonly<Record<string, string>>;
  /** What the environment of a service has beside the usual. */
  readonly envOf?: (service: ServiceName) => NodeJS.ProcessEnv;
}

export const benchDir = join(repositoryRoot, '.local', 'bench');
const preferredPorts = { postgres: 5910, amqp: 5920, management: 5930 };
const preferredServicePorts = { order: 5900, processor: 5901, sandbox: 5902, grpc: 5903 };

/**
 * Brings up servers, schema, topology, stock and services out of `.local/bench`, which is emptied first. They run as in
 * production: PostgreSQL durable, services without debug logs.
 *
 * @throws StackError; nothing is left running then.
 */
export async function startBenchSystem(options: BenchSystemOptions): Promise<BenchSystem> {
  const { report, signal } = options;
  const claim = await takeOver(benchDir, report);
  await remove(await readdir(benchDir));
  const register = openProcessRegister(registerFile(benchDir));
  const interrupt = (): void => void register.stopAll();
  signal.addEventListener('abort', interrupt, { once: true });
  const onSpawn = (child: SpawnedProcess): void => {
    register.add(child);
    if (signal.aborted) process.kill(child.pid, child.stopSignal);
  };
  const started: (() => Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    for (const stopPart of started.splice(0).reverse()) await stopPart();
    await register.stopAll();
    // A gigabyte that nobody needs; logs and profiles stay.
    await remove(['postgres', 'rabbitmq', 'sandbox']);
    await claim.release();
  };
  try {
    return { ...(await bringUp({ ...options, onSpawn }, started)), stop };
  } catch (error) {
    await stop();
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', interrupt);
  }
}

async function remove(entries: readonly string[]): Promise<void> {
  for (const entry of entries) await rm(join(benchDir, entry), { recursive: true, force: true });
}

type Assembly = BenchSystemOptions & { readonly onSpawn: (child: SpawnedProcess) => void };

async function bringUp(
  assembly: Assembly,
  started: (() => Promise<void>)[],
): Promise<Omit<BenchSystem, 'stop'>> {
  const { report, log, signal, envOf = () => ({}) } = assembly;
  const pickPort = createPortPicker();
  const pids = new Map<string, number>();
  const failure = Promise.withResolvers<never>();
  failure.promise.catch(() => {}); // it is looked at by whoever measures
  const onRunning = (name: string, pid: number): void => {
    if (pids.has(name)) failure.reject(new StackError(`${name} ended and had to be started again.`));
    pids.set(name, pid);
  };
  await generateClients();
  signal.throwIfAborted();
  const infrastructure = await startInfrastructure({
    ...assembly,
    dir: benchDir,
    ports: preferredPorts,
    pickPort,
    onRunning,
  });
  started.push(() => infrastructure.stop());
  const databases = await prepare(infrastructure);
  signal.throwIfAborted();

  const described = describeServices({
    ...infrastructure,
    dir: benchDir,
    host: '127.0.0.1',
    ports: {
      order: await pickPort(preferredServicePorts.order),
      processor: await pickPort(preferredServicePorts.processor),
      sandbox: await pickPort(preferredServicePorts.sandbox),
      grpc: await pickPort(preferredServicePorts.grpc),
    },
    env: { ...process.env, NODE_ENV: 'development', AUTH_MODE: 'off', LOG_LEVEL: 'warn' },
  });
  const start = async (name: ServiceName): Promise<ChildProcess> => {
    const service: Service = { ...described[name], env: { ...described[name].env, ...envOf(name) } };
    const child = await launchService(service, { ...assembly, log: (line) => log(service.name, line) });
    let told = false;
    const stop = async (): Promise<void> => {
      told = true;
      child.kill('SIGCONT'); // it may be paused, and then it would not notice
      await child.stop();
    };
    started.push(stop);
    const onExit = (exit: ProcessExit): void => {
      if (!told) failure.reject(new StackError(explainExit(child, exit)));
    };
    void child.exited.then(onExit);
    await waitUntilReady(service, child);
    pids.set(service.name, child.pid);
    return { ...child, stop };
  };
  // One after the other, so that they stop in the opposite order.
  await start('sandbox');
  const processor = await start('processor');
  const order = await start('order');
  report('The services are ready');
  return {
    ...databases,
    orderServiceUrl: described.order.url,
    sandboxUrl: described.sandbox.url,
    amqpUrl: infrastructure.amqpUrls.operator,
    pids,
    failure: failure.promise,
    pauseProcessor: () => processor.kill('SIGSTOP'),
    resumeProcessor: () => processor.kill('SIGCONT'),
    stopServices: async () => {
      await order.stop();
      await processor.stop();
    },
  };
}

/** Tables, exchanges and queues, and something on the shelves. */
async function prepare(infrastructure: Infrastructure): Promise<Databases> {
  const { orderDatabaseUrl, processorDatabaseUrl, amqpUrls } = infrastructure;
  const reference = (url: string) => Object.assign(new URL(url), { pathname: '/reference_db' }).href;
  const { orderMigrationDatabaseUrl, processorMigrationDatabaseUrl, postgresAdminUrl = '' } = infrastructure;
  const referenceDatabaseUrl = reference(orderDatabaseUrl);
  for (const [database, serviceUrl, ownerUrl] of [
    ['order', orderDatabaseUrl, orderMigrationDatabaseUrl],
    ['order', referenceDatabaseUrl, reference(orderMigrationDatabaseUrl)],
    ['processor', processorDatabaseUrl, processorMigrationDatabaseUrl],
  ] as const) {
    await provisionDatabase({ database, adminUrl: postgresAdminUrl, ownerUrl, serviceUrl });
    await applyMigrations({ database, url: ownerUrl });
  }
  await provideBroker(infrastructure);
  await declareTopology(amqpUrls.topology, buildTopology());
  await seedStock(processorDatabaseUrl);
  return { postgresAdminUrl, orderDatabaseUrl, processorDatabaseUrl, referenceDatabaseUrl };
}
