import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ChildProcess, ProcessExit } from '#scripts/local-stack/child-process.ts';
import { createPortPicker } from '#scripts/local-stack/ports.ts';
import {
  describeServices,
  launchService,
  type Services,
  waitUntilReady,
} from '#scripts/local-stack/services.ts';
import { seedStock } from '#scripts/seed-stock.ts';
import type { FailpointName } from '#shared/kernel/failpoints.ts';
import { createTestBroker, type TestBroker } from './broker.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';
import { eventually } from './eventually.ts';
import { type TestInfrastructure, testInfrastructure } from './infrastructure.ts';

export type ServiceName = keyof Services;

/** The whole system as real processes, with databases, a broker and a ledger of its own. */
export interface TestSystem {
  readonly urls: Readonly<Record<ServiceName, string>>;
  /** `host:port` of the order-service's gRPC API. */
  readonly grpcAddress: string;
  readonly orderDatabase: TestDatabase;
  readonly processorDatabase: TestDatabase;
  readonly broker: TestBroker;
  /** Starts a service and waits until it is ready; settings are added to its environment. */
  start(name: ServiceName, settings?: Readonly<Record<string, string>>): Promise<ChildProcess>;
  /** The same without waiting: it may never become ready. */
  launch(name: ServiceName, settings?: Readonly<Record<string, string>>): Promise<ChildProcess>;
  /** Starts a service that will end itself with SIGKILL when it passes the failpoint. */
  startArmed(name: ServiceName, failpoint: FailpointName): Promise<ChildProcess>;
  /** Starts one more process of a service beside the first, on a port of its own; it ends with the system. */
  startReplica(name: 'order' | 'processor', settings?: Readonly<Record<string, string>>): Promise<Replica>;
  pidOf(name: ServiceName): number;
  /** SIGTERM, and until it is gone. */
  stop(name: ServiceName): Promise<ProcessExit>;
  /** SIGKILL, and until it is gone. */
  kill(name: ServiceName): Promise<void>;
  /** Everything a service has written, line by line; for what a test wants to say about logs. */
  logOf(name: ServiceName): readonly string[];
  dispose(): Promise<void>;
}

export interface Replica {
  readonly url: string;
  /** `host:port` of its gRPC API, if it is an order-service. */
  readonly grpcAddress: string;
  /** SIGTERM, and until it is gone. */
  stop(): Promise<ProcessExit>;
  /** SIGKILL, and until it is gone. */
  kill(): Promise<void>;
}

/** Each Jest worker looks for ports in a range of its own, and each run begins somewhere else in it. */
const portsPerWorker = 500;
const pickPort = createPortPicker();
let nextPort =
  21_000 +
  Number(process.env.JEST_WORKER_ID ?? 1) * portsPerWorker +
  10 * (process.pid % (portsPerWorker / 20));

async function freePort(): Promise<number> {
  const port = await pickPort(nextPort);
  nextPort = port + 1;
  return port;
}

/**
 * Prepares everything and starts the services, unless told to start none yet.
 *
 * @param options.infrastructure other servers than those of the test run, for tests that take them away
 */
export async function createTestSystem(
  options: {
    settings?: Readonly<Record<string, string>>;
    services?: readonly ServiceName[];
    retryDelaysMs?: readonly number[];
    infrastructure?: TestInfrastructure;
  } = {},
): Promise<TestSystem> {
  const { settings = {}, services = ['sandbox', 'processor', 'order'], retryDelaysMs } = options;
  const { infrastructure = testInfrastructure() } = options;
  const [broker, orderDatabase, processorDatabase, dir] = await Promise.all([
    createTestBroker({ infrastructure, ...(retryDelaysMs ? { retryDelaysMs } : {}) }),
    createTestDatabase('order', infrastructure),
    createTestDatabase('processor', infrastructure),
    mkdtemp(join(tmpdir(), 'order-processor-')),
  ]);
  await seedStock(processorDatabase.url);
  const described = describeServices({
    dir,
    host: '127.0.0.1',
    ports: {
      order: await freePort(),
      grpc: await freePort(),
      processor: await freePort(),
      sandbox: await freePort(),
    },
    orderDatabaseUrl: orderDatabase.url,
    processorDatabaseUrl: processorDatabase.url,
    amqpUrls: broker.urls,
    env: {
      PATH: process.env.PATH,
      NODE_ENV: 'test',
      AUTH_MODE: 'off',
      NODE_NO_WARNINGS: '1',
      LOG_LEVEL: 'info',
      RETRY_DELAYS_MS: broker.retryDelaysMs.join(','),
      OUTBOX_POLL_INTERVAL_MS: '200',
      WATCHDOG_INTERVAL_MS: '200',
      COMPENSATION_RETRY_MS: '100',
      PAYMENT_BREAKER_OPEN_MS: '300',
      ...settings,
    },
  });
  const running = new Map<ServiceName, ChildProcess>();
  const replicas: Replica[] = [];
  const logs: Record<ServiceName, string[]> = { sandbox: [], processor: [], order: [] };

  async function launch(
    name: ServiceName,
    added: Readonly<Record<string, string>> = {},
  ): Promise<ChildProcess> {
    const service = described[name];
    const child = await launchService(
      { ...service, env: { ...service.env, ...added } },
      { log: (line) => logs[name].push(line) },
    );
    running.set(name, child);
    return child;
  }

  async function start(
    name: ServiceName,
    added: Readonly<Record<string, string>> = {},
  ): Promise<ChildProcess> {
    const child = await launch(name, added);
    await waitUntilReady(described[name], child);
    return child;
  }

  async function startReplica(
    name: 'order' | 'processor',
    added: Readonly<Record<string, string>> = {},
  ): Promise<Replica> {
    const [port, grpcPort] = [await freePort(), await freePort()];
    const url = `http://127.0.0.1:${port}`;
    const ports = { [`${name.toUpperCase()}_HTTP_PORT`]: String(port), ORDER_GRPC_PORT: String(grpcPort) };
    const env = { ...described[name].env, ...ports, ...added };
    const service = { ...described[name], url, env };
    const child = await launchService(service, { log: (line) => logs[name].push(line) });
    const replica: Replica = {
      url,
      grpcAddress: `127.0.0.1:${grpcPort}`,
      async stop() {
        await child.stop();
        return child.exited;
      },
      async kill() {
        child.kill('SIGKILL');
        await child.exited;
      },
    };
    replicas.push(replica);
    await waitUntilReady(service, child);
    return replica;
  }

  async function end(name: ServiceName, signal: 'SIGTERM' | 'SIGKILL'): Promise<ProcessExit> {
    const child = running.get(name);
    if (!child) throw new Error(`${name} is not running`);
    running.delete(name);
    if (signal === 'SIGTERM') await child.stop();
    else child.kill(signal);
    return child.exited;
  }

  const system: TestSystem = {
    grpcAddress: described.order.grpcAddress,
    urls: { order: described.order.url, processor: described.processor.url, sandbox: described.sandbox.url },
    orderDatabase,
    processorDatabase,
    broker,
    start,
    launch,
    startArmed: (name, failpoint) => start(name, { FAILPOINTS: failpoint }),
    startReplica,
    pidOf(name) {
      const child = running.get(name);
      if (!child) throw new Error(`${name} is not running`);
      return child.pid;
    },
    stop: (name) => end(name, 'SIGTERM'),
    async kill(name) {
      await end(name, 'SIGKILL');
    },
    logOf: (name) => logs[name],
    async dispose() {
      await Promise.all([...running.keys()].map((name) => end(name, 'SIGKILL')));
      await Promise.all(replicas.map((replica) => replica.kill()));
      await Promise.all([broker.drop(), orderDatabase.drop(), processorDatabase.drop()]);
      await rm(dir, { recursive: true, force: true });
    },
  };
  try {
    await Promise.all(services.map((name) => start(name)));
  } catch (error) {
    await system.dispose();
    throw error;
  }
  return system;
}

/** An order as the API shows it; only what tests look at. */
export interface OrderView {
  readonly id: string;
  readonly status: string;
  readonly totalMinor: number;
  readonly version: number;
  readonly failure: { code: string; message: string; recoverable: boolean } | null;
}

/** The body of a valid request; the total is `quantity * amountMinor`. */
export function orderBody(
  item: { sku?: string; quantity?: number; amountMinor?: number } = {},
  customerId = `customer-${randomUUID()}`,
): Record<string, unknown> {
  const { sku = 'SKU-001', quantity = 1, amountMinor = 1_999 } = item;
  return {
    customerId,
    currency: 'EUR',
    items: [{ sku, quantity, unitPrice: { amountMinor, currency: 'EUR' } }],
  };
}

/** A small client of the order-service. */
export function orderClient(baseUrl: string) {
  return {
    post: (body: unknown): Promise<Response> =>
      fetch(`${baseUrl}/orders`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      }),
    /** Places an order and fails unless it was accepted. */
    async place(body: unknown = orderBody()): Promise<OrderView> {
      const response = await this.post(body);
      if (response.status !== 201) throw new Error(`${response.status}: ${await response.text()}`);
      return (await response.json()) as OrderView;
    },
    async get(id: string): Promise<OrderView> {
      const response = await fetch(`${baseUrl}/orders/${id}`);
      if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`);
      return (await response.json()) as OrderView;
    },
    /** Waits until the order has this status, and shows it. */
    async becomes(id: string, status: string): Promise<OrderView> {
      return eventually(async () => {
        const order = await this.get(id);
        if (order.status !== status) throw new Error(`order ${id} is ${order.status} instead of ${status}`);
        return order;
      });
    },
  };
}
