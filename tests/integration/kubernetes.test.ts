/**
 * What the manifests say, carried out without Kubernetes: a server is set up as CloudNativePG would, then the containers'
 * commands run with the environments that they would have. Addresses and the places of certificates are translated.
 */

import { globSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { IContainer } from 'kubernetes-models/v1/Container';
import pg from 'pg';
import { resolveEnvironment } from '#scripts/kubernetes/environment.ts';
import { type Manifest, parseManifests } from '#scripts/kubernetes/manifest.ts';
import { findPods, ofKind } from '#scripts/kubernetes/pods.ts';
import { type ChildProcess, startChildProcess } from '#scripts/local-stack/child-process.ts';
import { createPortPicker } from '#scripts/local-stack/ports.ts';
import type { PostgresServer } from '#scripts/local-stack/postgres.ts';
import { repositoryRoot } from '#scripts/local-stack/services.ts';
import { databaseNames, describeDatabase } from '#scripts/prisma/databases.ts';
import { eventually } from '../support/eventually.ts';
import { startPostgresWithTls } from '../support/postgres-with-tls.ts';
import { type PrivateServer, startPrivateBroker } from '../support/private-servers.ts';

interface NewCluster {
  readonly bootstrap: {
    readonly initdb: {
      readonly database: string;
      readonly owner: string;
      readonly postInitSQL: readonly string[];
      readonly postInitApplicationSQL: readonly string[];
    };
  };
}

const folder = join(repositoryRoot, '.local', `test-${process.pid}-kubernetes`);
const pickPort = createPortPicker();
const ports = { order: 0, grpc: 0, processor: 0 };
let manifests: Manifest[];
let postgres: PostgresServer;
let broker: PrivateServer;
const running: ChildProcess[] = [];

beforeAll(async () => {
  manifests = await readManifests();
  postgres = await startPostgresWithTls(folder, await pickPort(18_500));
  for (const database of databaseNames) await bootstrap(database);
  broker = await startPrivateBroker();
  for (const name of Object.keys(ports) as (keyof typeof ports)[]) ports[name] = await pickPort(18_500);
});

afterAll(async () => {
  await Promise.all(running.map((child) => child.stop()));
  await broker?.dispose();
  await postgres?.stop();
  await rm(folder, { recursive: true, force: true });
});

test('the services wait for the set-up, and are ready after it, as their own roles and over TLS', async () => {
  const waiting = await Promise.all(databaseNames.map((name) => run(`${name}-service`, 'await-migrations')));
  for (const child of waiting) await eventually(() => /waiting: /.test(child.recentOutput().join('\n')));

  const setup = await run('setup', 'setup');
  expect([await setup.exited, setup.recentOutput()]).toEqual([{ code: 0, signal: null }, expect.anything()]);
  for (const child of waiting) expect(await child.exited).toEqual({ code: 0, signal: null });

  await run('order-service', 'order-service');
  await run('processor-service', 'processor-service');
  for (const port of [ports.order, ports.processor])
    await eventually(() => isReady(port), { withinMs: 30_000 });
  const { rows } = await inDatabase('postgres', (client) =>
    client.query<{ usename: string; ssl: boolean }>(
      `SELECT DISTINCT usename, ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
       WHERE usename LIKE '%\\_service' ORDER BY usename`,
    ),
  );
  expect(rows).toEqual([
    { usename: 'order_service', ssl: true },
    { usename: 'processor_service', ssl: true },
  ]);
});

test('the set-up can be repeated while the services run', async () => {
  const again = await run('setup', 'setup');
  expect([await again.exited, again.recentOutput()]).toEqual([{ code: 0, signal: null }, expect.anything()]);
  for (const port of [ports.order, ports.processor]) expect(await isReady(port)).toBe(true);
});

/** The files of the base, with what kustomize would make of the overlays' settings. */
async function readManifests(): Promise<Manifest[]> {
  const paths = globSync('deploy/k8s/base/*/{job,*-service,*-db}.yaml', { cwd: repositoryRoot });
  const texts = await Promise.all(paths.map((path) => readFile(join(repositoryRoot, path), 'utf8')));
  const settings = {
    'broker-settings': {},
    'service-settings': {
      LOG_LEVEL: 'info',
      AUTH_ISSUER: 'https://issuer.example.com',
      AUTH_AUDIENCE: 'order-processor',
      AUTH_JWKS_URL: 'https://issuer.example.com/keys',
    },
    'order-service-settings': {},
    'processor-service-settings': { PAYMENT_URL: 'https://payments.example.com' },
  };
  const configMaps = Object.entries(settings).map(([name, data]) => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name },
    data,
  }));
  return [...texts.flatMap(parseManifests), ...configMaps];
}

/** As CloudNativePG does for a new cluster; the two of them share a server here. */
async function bootstrap(database: (typeof databaseNames)[number]): Promise<void> {
  const { ownerRole, serviceRole } = describeDatabase(database);
  const cluster = ofKind(manifests, 'Cluster').find(({ metadata }) => metadata.name === `${database}-db`);
  const { initdb } = (cluster as Manifest & { spec: NewCluster }).spec.bootstrap;
  expect(initdb).toMatchObject({ database: `${database}_db`, owner: ownerRole });
  await inDatabase('postgres', async (client) => {
    await client.query(
      `CREATE ROLE ${ownerRole} LOGIN PASSWORD '${secretOf(`${database}-db-app`, 'password')}'`,
    );
    await client.query(`CREATE DATABASE ${initdb.database} OWNER ${ownerRole}`);
    for (const command of initdb.postInitSQL) await client.query(command);
    await client.query(
      `ALTER ROLE ${serviceRole} PASSWORD '${secretOf(`${database}-db-service`, 'password')}'`,
    );
  });
  await inDatabase(initdb.database, async (client) => {
    for (const command of initdb.postInitApplicationSQL) await client.query(command);
  });
}

async function inDatabase<T>(name: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: postgres.url(name) });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

async function run(pod: string, name: string): Promise<ChildProcess> {
  const pods = findPods(manifests).find(({ title }) => title.endsWith(` ${pod}`));
  const containers: IContainer[] = [...(pods?.spec?.initContainers ?? []), ...(pods?.spec?.containers ?? [])];
  const container = containers.find((container) => container.name === name);
  if (container === undefined) throw new Error(`no container ${name} of ${pod}`);
  const { values } = resolveEnvironment(container, manifests, secretOf);
  const env = Object.fromEntries(Object.entries(values).map(([key, value]) => [key, translate(value)]));
  const [command = '', ...args] = container.command ?? [];
  const child = await startChildProcess({
    name: `${pod}, ${name}`,
    command,
    args,
    cwd: repositoryRoot,
    env: {
      PATH: `${dirname(process.execPath)}:${process.env.PATH}`,
      ORDER_HTTP_PORT: String(ports.order),
      ORDER_GRPC_PORT: String(ports.grpc),
      PROCESSOR_HTTP_PORT: String(ports.processor),
      ...env,
    },
  });
  running.push(child);
  return child;
}

function secretOf(name: string, key: string): string {
  const { username, password } = broker?.infrastructure ?? {};
  if (name === 'rabbitmq-default-user') return (key === 'username' ? username : password) ?? '';
  return Buffer.from(`${name}, ${key}, long enough for a signing key`).toString(
    key === 'webhook-signing-key' ? 'base64' : 'hex',
  );
}

function translate(value: string): string {
  const { amqpUrl, managementUrl } = broker.infrastructure;
  return value
    .replace(/(order|processor)-db-rw:5432/, `127.0.0.1:${postgres.port}`)
    .replace('rabbitmq:15672', new URL(managementUrl).host)
    .replace('rabbitmq:5672', new URL(amqpUrl).host)
    .replace(/\/etc\/database-ca\/[\w.-]+/, join(folder, 'ca.crt'));
}

async function isReady(port: number): Promise<boolean> {
  const response = await fetch(`http://127.0.0.1:${port}/health/ready`);
  const { status } = (await response.json()) as { status: string };
  return status === 'ready';
}
