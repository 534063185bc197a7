import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { RabbitmqPrograms } from './rabbitmq-installation.ts';

/** The administrator. */
export const username = 'oms';
/** `localhost` and not the machine's name, so that the data can be opened again after the machine was renamed. */
export const nodeName = 'oms@localhost';
export const loopbackOnly: readonly string[] = ['-kernel', 'inet_dist_use_interface', '{127,0,0,1}'];

/** Writes down what the node has to know before it starts. */
export async function writeConfiguration(options: {
  dir: string;
  amqpPort: number;
  managementPort: number;
  password: string;
}) {
  const { dir, amqpPort, managementPort, password } = options;
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

type NodeFiles = Awaited<ReturnType<typeof writeConfiguration>>;

/** What the node is started with: nothing of a system-wide installation gets through to it. */
export function nodeEnvironment(node: {
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
