import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runToCompletion } from './child-process.ts';
import { StackError } from './stack-error.ts';

export interface RabbitmqPrograms {
  /** The server's own start script, not a wrapper that changes the user. */
  readonly server: string;
  /** Erlang's port mapper, through which nodes and command line tools find each other. */
  readonly epmd: string;
}

const installScript = fileURLToPath(new URL('install-rabbitmq.sh', import.meta.url));
/** Debian's /usr/sbin/rabbitmq-server insists on the user rabbitmq; the script behind it runs as anybody. */
const serverFolders = [
  '/usr/lib/rabbitmq/bin',
  ...searchPath(),
  '/usr/sbin',
  '/usr/local/sbin',
  '/opt/homebrew/sbin',
];
const epmdFolders = [
  ...searchPath(),
  '/usr/bin',
  '/usr/local/bin',
  '/usr/lib/erlang/bin',
  '/opt/homebrew/bin',
];

/** RabbitMQ as it is installed on this machine, or undefined. */
export async function findRabbitmq(): Promise<RabbitmqPrograms | undefined> {
  const server = await findProgram('rabbitmq-server', serverFolders);
  const epmd = await findProgram('epmd', epmdFolders);
  return server === undefined || epmd === undefined ? undefined : { server, epmd };
}

/**
 * Finds RabbitMQ, or installs Debian's package where that is possible without asking anybody: with apt, as root or
 * with passwordless sudo. The package's own service is not started.
 *
 * @throws StackError saying how to get RabbitMQ.
 */
export async function findOrInstallRabbitmq({
  log,
  onInstall,
}: {
  readonly log: (line: string) => void;
  /** Called before an installation begins: it takes a while. */
  readonly onInstall?: () => void;
}): Promise<RabbitmqPrograms> {
  const present = await findRabbitmq();
  if (present !== undefined) return present;

  const prefix = await rootPrefix();
  if (prefix === undefined || (await findProgram('apt-get', ['/usr/bin'])) === undefined) {
    throw new StackError(
      'RabbitMQ is not installed and cannot be installed from here: install rabbitmq-server ' +
        '(on Debian: sudo apt-get install rabbitmq-server), or set AMQP_URL to a broker of your own.',
    );
  }
  onInstall?.();
  try {
    await install(prefix, log);
  } catch (cause) {
    throw new StackError(
      `Installing rabbitmq-server with apt failed; set AMQP_URL to a broker of your own, or repair this first: ${(cause as Error).message}`,
      { cause },
    );
  }
  const installed = await findRabbitmq();
  if (installed === undefined) throw new StackError('rabbitmq-server was installed but cannot be found.');
  return installed;
}

async function install(prefix: readonly string[], log: (line: string) => void): Promise<void> {
  const [command, ...args] = [...prefix, 'sh', installScript];
  await runToCompletion({
    name: 'install-rabbitmq.sh',
    command,
    args,
    env: { PATH: `${process.env['PATH']}${delimiter}/usr/sbin${delimiter}/sbin`, ...proxySettings() },
    onLine: log,
  });
}

/** What to put before a command to run it as root, or undefined when that would need a password. */
async function rootPrefix(): Promise<readonly string[] | undefined> {
  if (process.getuid?.() === 0) return [];
  try {
    await runToCompletion({
      name: 'sudo',
      command: 'sudo',
      args: ['-n', 'true'],
      env: { PATH: process.env['PATH'] },
    });
    return ['sudo', '-n'];
  } catch {
    return undefined;
  }
}

function proxySettings(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => /^(https?|ftp|no)_proxy$/i.test(name)),
  );
}

function searchPath(): string[] {
  return (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
}

async function findProgram(name: string, folders: readonly string[]): Promise<string | undefined> {
  for (const folder of folders) {
    const path = join(folder, name);
    const executable = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (executable) return path;
  }
  return undefined;
}
