import { defaultIssuerPort, startLocalIssuer } from '#scripts/local-issuer/issuer.ts';
import { generateClients } from '#scripts/prisma/generate.ts';
import { runToCompletion, type SpawnedProcess } from './child-process.ts';
import {
  defaultInfrastructurePorts,
  type Infrastructure,
  type InfrastructureOptions,
  startInfrastructure,
} from './infrastructure.ts';
import { createPortPicker } from './ports.ts';
import { openProcessRegister } from './process-register.ts';
import { provideBroker } from './provide-broker.ts';
import { describeServices, launchService, repositoryRoot, type Service, waitUntilReady } from './services.ts';
import { readStackFile, removeStackFile, type StackDescription, writeStackFile } from './stack-file.ts';
import { keepRunning, type Stoppable, startTogether } from './supervision.ts';
import { registerFile, takeOver } from './take-over.ts';

/** Preferred ports of everything that listens; whichever is taken moves to the next free one. */
export const defaultPorts = {
  order: 3000,
  grpc: 50_051,
  processor: 3001,
  sandbox: 3002,
  ...defaultInfrastructurePorts,
};
export type StackPorts = typeof defaultPorts;

export interface StackOptions extends Omit<InfrastructureOptions, 'ports' | 'onSpawn' | 'onRunning'> {
  readonly ports?: Partial<StackPorts> | undefined;
  /** The interface that the services listen on; loopback unless told otherwise. */
  readonly host?: string | undefined;
  /** Whether to run an issuer of tokens, and to let the services answer nobody else. */
  readonly auth?: boolean | undefined;
  /** Environment of the services, such as their log level; addresses and ports are added to it. */
  readonly env?: NodeJS.ProcessEnv | undefined;
}

export interface Stack extends Stoppable {
  readonly description: StackDescription;
}

/**
 * Brings up the whole system out of one folder and keeps it running until `stop`: databases and broker with their
 * schema, topology and stock, the payment sandbox, both services. Whatever an earlier start left running there is
 * stopped first. Aborting the signal while this works stops what has been started so far and rejects.
 *
 * @throws StackError in one sentence when a prerequisite is missing, a part does not come up, or the folder is in use.
 */
export async function startStack(options: StackOptions): Promise<Stack> {
  const { dir, signal, report = () => undefined, log = () => undefined, env = process.env } = options;
  let stopping = false;
  const claim = await takeOver(dir, report, () => stopping || signal?.aborted === true);
  const register = openProcessRegister(registerFile(dir));
  // Whatever the start is waiting for ends, and with it the start itself.
  const interrupt = () => void register.stopAll();
  signal?.addEventListener('abort', interrupt, { once: true });
  const onSpawn = (child: SpawnedProcess) => {
    register.add(child);
    if (signal?.aborted) process.kill(child.pid, child.stopSignal);
  };

  const started: Stoppable[] = [];
  const stop = async () => {
    stopping = true;
    removeStackFile(dir);
    for (const part of started.splice(0).reverse()) await part.stop();
    await register.stopAll();
    await claim.release();
  };
  try {
    const description = await bringUp({ ...options, report, log, env, onSpawn }, started);
    return { description, stop };
  } catch (error) {
    await stop();
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener('abort', interrupt);
  }
}

/** Ends everything that was started out of this folder at once, without asking. */
export function killStack(dir: string): void {
  openProcessRegister(registerFile(dir)).killAll();
}

interface Assembly extends StackOptions {
  readonly report: (message: string) => void;
  readonly log: (source: string, line: string) => void;
  readonly env: NodeJS.ProcessEnv;
  readonly onSpawn: (child: SpawnedProcess) => void;
}

/** Starts one part after the other and puts each into `started`, so that it can be stopped whatever happens next. */
async function bringUp(assembly: Assembly, started: Stoppable[]): Promise<StackDescription> {
  const { dir, env, signal, report, host = '127.0.0.1', pickPort = createPortPicker() } = assembly;
  const generated = await generateClients();
  if (generated.length > 0) report('Database clients are generated');
  signal?.throwIfAborted();

  const pids: Record<string, number> = {};
  const onRunning = (name: string, pid: number) => {
    pids[name] = pid;
    const published = readStackFile(dir);
    if (published !== undefined) writeStackFile(dir, { ...published, pids });
  };
  const preferred = { ...defaultPorts, ...assembly.ports };
  const infrastructure = await startInfrastructure({ ...assembly, ports: preferred, pickPort, onRunning });
  started.push(infrastructure);
  await prepare(infrastructure, assembly);

  const ports = {
    order: await pickPort(preferred.order),
    grpc: await pickPort(preferred.grpc),
    processor: await pickPort(preferred.processor),
    sandbox: await pickPort(preferred.sandbox),
  };
  const issuer = assembly.auth
    ? await startLocalIssuer({ dir, host: '127.0.0.1', port: await pickPort(defaultIssuerPort) })
    : undefined;
  if (issuer) started.push(issuer);
  const serviceEnv = { ...env, ...issuer?.settings };
  const { sandbox, processor, order } = describeServices({
    ...infrastructure,
    dir,
    env: serviceEnv,
    host,
    ports,
  });
  const run = (service: Service) => runService(service, assembly, onRunning);
  // Stopped in the opposite order: first no more orders, and the payment provider stays until nobody needs it.
  started.push(...(await startTogether([run(sandbox), run(processor), run(order)])));
  const { amqpUrls, managementUrl, orderDatabaseUrl, processorDatabaseUrl } = infrastructure;
  const description = {
    orderService: order.url,
    orderGrpc: order.grpcAddress,
    processorService: processor.url,
    paymentSandbox: sandbox.url,
    amqpUrl: amqpUrls.operator,
    managementUrl,
    orderDatabaseUrl,
    processorDatabaseUrl,
    pids,
  };
  writeStackFile(dir, description);
  return description;
}

/** Tables, exchanges and queues, and something on the shelves. */
async function prepare(infrastructure: Infrastructure, assembly: Assembly): Promise<void> {
  const { signal, report, log, onSpawn } = assembly;
  const env = {
    ...assembly.env,
    ORDER_DATABASE_URL: infrastructure.orderDatabaseUrl,
    ORDER_MIGRATION_DATABASE_URL: infrastructure.orderMigrationDatabaseUrl,
    PROCESSOR_DATABASE_URL: infrastructure.processorDatabaseUrl,
    PROCESSOR_MIGRATION_DATABASE_URL: infrastructure.processorMigrationDatabaseUrl,
    POSTGRES_ADMIN_URL: infrastructure.postgresAdminUrl,
    AMQP_URL: infrastructure.amqpUrls.topology,
  };
  const run = (name: string, ...args: string[]) => {
    const onLine = (line: string) => log(name, line);
    return runToCompletion({
      name,
      command: process.execPath,
      args,
      env,
      cwd: repositoryRoot,
      onLine,
      onSpawn,
    });
  };
  await Promise.all([
    run('migrations', 'scripts/prisma/migrate.ts', 'all'),
    provideBroker(infrastructure, env).then(() => run('topology', 'rabbitmq/declare.ts')),
  ]);
  signal?.throwIfAborted();
  await run('stock', 'scripts/seed-stock.ts');
  signal?.throwIfAborted();
  report('Tables, queues and stock are prepared');
}

async function runService(
  service: Service,
  { report, log, onSpawn, signal }: Assembly,
  onRunning: (name: string, pid: number) => void,
): Promise<Stoppable> {
  const launch = () => launchService(service, { onSpawn, log: (line) => log(service.name, line) });
  const running = await launch();
  await waitUntilReady(service, running);
  report(`${service.name} is ready at ${service.url}`);
  onRunning(service.name, running.pid);
  const onRestart = ({ pid }: { pid: number }) => onRunning(service.name, pid);
  return keepRunning({ running, restart: launch, onRestart, log: report, signal });
}
