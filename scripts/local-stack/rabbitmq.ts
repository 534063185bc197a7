import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { stripVTControlCharacters } from 'node:util';
import { type RunningProcess, type SpawnedProcess, startChildProcess } from './child-process.ts';
import { createPortPicker } from './ports.ts';
import { findOrInstallRabbitmq, type RabbitmqPrograms } from './rabbitmq-installation.ts';
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

const username = 'oms';
/** `localhost` and not the machine's name, so that the data can be opened again after the machine was renamed. */
const nodeName = 'oms@localhost';
const stopGraceMs = 20_000;
const detachTimeoutMs = 2_000;
const mostAttempts = 3;
const loopbackOnly = ['-kernel', 'inet_dist_use_interface', '{127,0,0,1}'];

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

type NodeFiles = Awaited<ReturnType<typeof writeConfiguration>>;

async function writeConfiguration({ dir, amqpPort, managementPort, password }: RabbitmqOptions) {
  const files = {
    dir,
    home: join(dir, 'home'),
    data: join(dir, 'data'),
    logs: join(dir, 'log'),
    config: join(dir, 'rabbitmq.conf'),
    environment: join(dir, 'rabbitmq-env.conf'),
    plugins: join(dir, 'enabled_plugins'),
  };
  for (const folder of [files.home, files.data, files.logs]) await mkdir(folder, { recursive: true });
  const settings = [
    `listeners.tcp.1 = 127.0.0.1:${amqpPort}`,
    'management.tcp.ip = 127.0.0.1',
    `management.tcp.port = ${managementPort}`,
    `default_user = ${username}`,
    `default_pass = ${password}`,
    'log.file = false',
    'log.console = true',
    'log.console.level = info',
  ];
  await writeFile(files.config, `${settings.join('\n')}\n`, { mode: 0o600 });
  await writeFile(files.plugins, '[rabbitmq_management].\n');
  // Empty, so that the settings of a system-wide broker in /etc/rabbitmq do not reach this one.
  await writeFile(files.environment, '');
  return files;
}

function nodeEnvironment(node: {
  files: NodeFiles;
  programs: RabbitmqPrograms;
  amqpPort: number;
  distributionPort: number;
  epmdPort: number;
}): NodeJS.ProcessEnv {
  const { files } = node;
  return {
    PATH: `${dirname(node.programs.epmd)}:${process.env['PATH']}`,
    // Erlang keeps its cookie in the home directory.
    HOME: files.home,
    LANG: 'C.UTF-8',
    ERL_EPMD_PORT: String(node.epmdPort),
    RABBITMQ_NODENAME: nodeName,
    RABBITMQ_NODE_PORT: String(node.amqpPort),
    RABBITMQ_DIST_PORT: String(node.distributionPort),
    RABBITMQ_MNESIA_BASE: files.data,
    RABBITMQ_LOG_BASE: files.logs,
    RABBITMQ_CONFIG_FILE: files.config,
    RABBITMQ_CONF_ENV_FILE: files.environment,
    RABBITMQ_ENABLED_PLUGINS_FILE: files.plugins,
    RABBITMQ_GENERATED_CONFIG_DIR: join(files.dir, 'config'),
    RABBITMQ_PID_FILE: join(files.dir, 'pid'),
    // Otherwise it lands in whatever folder this was started from.
    ERL_CRASH_DUMP: join(files.logs, 'erl_crash.dump'),
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: loopbackOnly.join(' '),
    // Makes the start script become the node instead of waiting for it, so that the process we signal is the node;
    // the arguments take back the interactive shell that this setting is meant for.
    RABBITMQ_ALLOW_INPUT: 'true',
    RABBITMQ_SERVER_START_ARGS: '-noinput +B i',
  };
}

/**
 * Before 3.13 a stopping node waits five seconds for itself: the management plugin's event handler asks the very
 * process that is waiting for it (rabbitmq/rabbitmq-server#11070). Removing the handler first makes it one second.
 * A node that does not do us the favour in time is stopped all the same.
 */
async function detachStatistics(env: NodeJS.ProcessEnv): Promise<void> {
  const removal = `rpc:call('${nodeName}', gen_event, delete_handler, [rabbit_event, rabbit_mgmt_db_handler, stop])`;
  const erl = await startChildProcess({
    name: 'erl',
    command: 'erl',
    args: [
      '-noinput',
      '-hidden',
      '-start_epmd',
      'false',
      '-sname',
      'stop@localhost',
      ...loopbackOnly,
      '-eval',
      `${removal}, halt().`,
    ],
    env,
  });
  if ((await Promise.race([erl.exited, delay(detachTimeoutMs, 'late' as const, { ref: false })])) === 'late')
    erl.kill('SIGKILL');
}
