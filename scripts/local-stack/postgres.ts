import { chown, mkdir, readFile, readlink, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import {
  type ChildProcess,
  explainExit,
  type RunningProcess,
  runToCompletion,
  type SpawnedProcess,
  startChildProcess,
} from './child-process.ts';
import {
  cannotRun,
  choosePostgresAccount,
  findPostgresBinaries,
  type PostgresAccount,
  type PostgresBinaries,
} from './postgres-binaries.ts';
import { StackError } from './stack-error.ts';

export interface PostgresServer extends RunningProcess {
  readonly port: number;
  /** Connection string of one of its databases, as the superuser `oms`. */
  url(database: string): string;
}

export interface PostgresOptions {
  /** Where the cluster lives. Created on the first start; the data survives restarts. */
  readonly dataDir: string;
  readonly port: number;
  /** Of the superuser `oms`; a cluster keeps the one that it was created with. */
  readonly password: string;
  /** Server settings beyond the defaults, such as `{ fsync: 'off' }` for tests. The default is fully durable. */
  readonly settings?: Readonly<Record<string, string>> | undefined;
  readonly log?: ((line: string) => void) | undefined;
  readonly onSpawn?: ((child: SpawnedProcess) => void) | undefined;
}

const user = 'oms';
const readyTimeoutMs = 60_000;
const stopGraceMs = 20_000;
/** Backends outlive a killed postmaster for a moment, and a new one refuses to start beside them. */
const leftoverBackendsMs = 10_000;
const environment = { PATH: process.env['PATH'], LC_ALL: 'C' };
const defaultSettings = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '200',
  lc_messages: 'C',
};

/**
 * Starts the embedded PostgreSQL on the loopback interface and resolves when it answers queries.
 *
 * @throws StackError when there are no programs for this platform, when they cannot run, or when the data directory
 *   is in use.
 */
export async function startPostgres(given: PostgresOptions): Promise<PostgresServer> {
  const options = { ...given, dataDir: resolve(given.dataDir) };
  const binaries = await findPostgresBinaries();
  await removeStalePidFile(options.dataDir);
  const account = await choosePostgresAccount(options.dataDir);
  await initialise(binaries, account, options);

  const url = (database: string) =>
    `postgresql://${user}:${options.password}@127.0.0.1:${options.port}/${database}`;
  const deadline = Date.now() + leftoverBackendsMs;
  for (;;) {
    const child = await launch(binaries, account, options);
    const outcome = await Promise.race([child.exited, waitForAnswer(url('postgres'), child.exited)]);
    if (outcome === 'ready') return { ...child, port: options.port, url };
    if (outcome === 'timeout') {
      await child.stop();
      throw new StackError(`PostgreSQL did not answer within ${readyTimeoutMs / 1000} s; see its log.`);
    }
    const leftovers = child.recentOutput().some((line) => line.includes('pre-existing shared memory block'));
    if (!leftovers || Date.now() > deadline) throw new StackError(explainExit(child, outcome));
    await delay(200);
  }
}

function launch(
  binaries: PostgresBinaries,
  account: PostgresAccount,
  { dataDir, port, settings, log, onSpawn }: PostgresOptions,
): Promise<ChildProcess> {
  const all: Record<string, string> = { ...defaultSettings, ...settings, port: String(port) };
  const flags = Object.entries(all).flatMap(([key, value]) => ['-c', `${key}=${value}`]);
  return startChildProcess({
    name: 'postgres',
    command: binaries.postgres,
    args: ['-D', dataDir, ...flags],
    env: environment,
    privileges: account.privileges,
    onLine: log,
    onSpawn,
    // "Fast" shutdown: open transactions are rolled back instead of being waited for.
    stopSignal: 'SIGINT',
    graceMs: stopGraceMs,
  });
}

/** Creates the cluster beside its final place and moves it there, so that an interrupted attempt leaves nothing half done. */
async function initialise(
  binaries: PostgresBinaries,
  account: PostgresAccount,
  { dataDir, password, settings, log, onSpawn }: PostgresOptions,
): Promise<void> {
  if (await exists(join(dataDir, 'PG_VERSION'))) return;
  const unfinished = `${dataDir}.unfinished`;
  const passwordFile = `${dataDir}.password`;
  await mkdir(dirname(dataDir), { recursive: true });
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(unfinished, { mode: 0o700 });
  await writeFile(passwordFile, password, { mode: 0o600 });
  if (account.owner !== undefined) {
    const { uid, gid } = account.owner;
    await Promise.all([unfinished, passwordFile].map((path) => chown(path, uid, gid)));
  }
  const flags = [
    `--pgdata=${unfinished}`,
    `--username=${user}`,
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
    '--locale=C',
    '--no-instructions',
    ...(settings?.['fsync'] === 'off' ? ['--no-sync'] : []),
  ];
  try {
    await runToCompletion({
      name: 'initdb',
      command: binaries.initdb,
      args: flags,
      env: environment,
      privileges: account.privileges,
      onLine: log,
      onSpawn,
    });
  } catch (error) {
    throw cannotRun((error as Error).message);
  } finally {
    await rm(passwordFile, { force: true });
  }
  await rename(unfinished, dataDir);
}

/**
 * After a kill -9 the pid file stays behind, and its number may belong to somebody else by now; PostgreSQL would take
 * that process for a running server and refuse to start.
 */
async function removeStalePidFile(dataDir: string): Promise<void> {
  const file = join(dataDir, 'postmaster.pid');
  const content = await readFile(file, 'utf8').catch(() => undefined);
  if (content === undefined) return;
  const pid = Number.parseInt(content, 10);
  const workingDirectory = await readlink(`/proc/${pid}/cwd`).catch(() => undefined);
  if (workingDirectory === (await realpath(dataDir))) {
    throw new StackError(`A PostgreSQL server (process ${pid}) already uses ${dataDir}.`);
  }
  if (process.platform === 'linux') await rm(file, { force: true });
}

async function waitForAnswer(url: string, exited: Promise<unknown>): Promise<'ready' | 'timeout'> {
  let running = true;
  void exited.then(() => {
    running = false;
  });
  const deadline = Date.now() + readyTimeoutMs;
  while (running && Date.now() < deadline) {
    const client = new Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
    try {
      await client.connect();
      await client.query('select 1');
      return 'ready';
    } catch {
      await delay(50);
    } finally {
      await client.end().catch(() => undefined);
    }
  }
  return 'timeout';
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
