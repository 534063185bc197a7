import { stripVTControlCharacters } from 'node:util';
import { type RunningProcess, type SpawnedProcess, startChildProcess } from './child-process.ts';
import { createPortPicker } from './ports.ts';
import { callNode } from './rabbitmq-call.ts';
import { nodeEnvironment, username, writeConfiguration } from './rabbitmq-configuration.ts';
import { findOrInstallRabbitmq } from './rabbitmq-installation.ts';
import { waitUntilReady } from './rabbitmq-readiness.ts';
import { keepRunning } from './supervision.ts';

export interface RabbitmqServer extends RunningProcess {
  /** As the administrator. */
  readonly amqpUrl: string;
  /** Management console and HTTP API. */
  readonly managementUrl: string;
  readonly username: string;
  readonly password: string;
}

export interface RabbitmqOptions {
  /** Everything the node writes lives here; durable queues and messages survive restarts, also after a crash. */
  readonly dir: string;
  readonly amqpPort: number;
  readonly managementPort: number;
  /** Of the administrator `oms`; a node keeps the one that it was first started with. */
  readonly password: string;
  readonly log?: ((line: string) => void) | undefined;
  readonly onSpawn?: ((child: SpawnedProcess) => void) | undefined;
}

const stopGraceMs = 20_000;
const detachTimeoutMs = 2_000;
const mostAttempts = 3;

/**
 * Starts a RabbitMQ node of our own: own name, data, cookie and port mapper, reachable on the loopback interface only.
 * A broker that the system runs is neither used nor disturbed. Resolves when AMQP and the management API answer.
 *
 * @throws StackError when RabbitMQ is missing and cannot be installed, or when the node does not come up.
 */
export async function startRabbitmq(options: RabbitmqOptions): Promise<RabbitmqServer> {
  for (let attempt = 1; ; attempt += 1) {
    let isPortLost = false;
    const log = (line: string) => {
      isPortLost ||= line.includes('dist_port_already_used');
      options.log?.(line);
    };
    try {
      return await startNode({ ...options, log });
    } catch (error) {
      // Somebody took the port for nodes between our look and the node's; there are others.
      if (!isPortLost || attempt === mostAttempts) throw error;
    }
  }
}

async function startNode(options: RabbitmqOptions): Promise<RabbitmqServer> {
  const { amqpPort, managementPort, password, log = () => undefined, onSpawn } = options;
  const programs = await findOrInstallRabbitmq({ log });
  const files = await writeConfiguration(options);
  // A pair of its own for every AMQP port, below the range from which outgoing connections take theirs.
  const pickPort = createPortPicker();
  const distributionPort = await pickPort(20_000 + 2 * (amqpPort % 5_000));
  const epmdPort = await pickPort(distributionPort + 1);
  const env = nodeEnvironment({ files, programs, amqpPort, distributionPort, epmdPort });
  const onLine = (line: string) => log(stripVTControlCharacters(line));
  const common = { env, cwd: files.dir, onLine, onSpawn };

  // Started by us and in the foreground, because the node would otherwise start one that outlives it.
  const startEpmd = () =>
    startChildProcess({
      name: 'epmd',
      command: programs.epmd,
      args: ['-port', String(epmdPort), '-address', '127.0.0.1'],
      ...common,
    });
  const epmd = keepRunning({ running: await startEpmd(), restart: startEpmd, log });
  const node = await startChildProcess({
    name: 'rabbitmq',
    command: programs.server,
    args: [],
    ...common,
    graceMs: stopGraceMs,
  });
  const exited = node.exited.then(async (exit) => {
    await epmd.stop();
    return exit;
  });
  const server: RabbitmqServer = {
    ...node,
    exited,
    stop: async () => {
      if (node.isRunning()) await detachStatistics(env);
      await node.stop();
      await exited;
    },
    amqpUrl: `amqp://${username}:${password}@127.0.0.1:${amqpPort}`,
    managementUrl: `http://127.0.0.1:${managementPort}`,
    username,
    password,
  };
  try {
    await waitUntilReady(server, node);
  } catch (error) {
    await server.stop();
    throw error;
  }
  return server;
}

/**
 * Before 3.13 a stopping node waits five seconds for itself: the management plugin's event handler asks the very
 * process that is waiting for it (rabbitmq/rabbitmq-server#11070). Removing the handler first makes it one second.
 * A node that does not do us the favour in time is stopped all the same.
 */
async function detachStatistics(env: NodeJS.ProcessEnv): Promise<void> {
  const handler = '[rabbit_event, rabbit_mgmt_db_handler, stop]';
  const removal = ['gen_event', 'delete_handler', handler] as const;
  await callNode({ env, call: removal, withinMs: detachTimeoutMs }).catch(() => undefined);
}
