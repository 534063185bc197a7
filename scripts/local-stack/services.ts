import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type ChildProcess, explainExit, type SpawnedProcess, startChildProcess } from './child-process.ts';
import type { BrokerUrls } from './infrastructure.ts';
import { openSecrets } from './secrets.ts';
import { StackError } from './stack-error.ts';

export const repositoryRoot = fileURLToPath(new URL('../../', import.meta.url));

/** A process of ours that serves HTTP and says at `/health/ready` when it can work. */
export interface Service {
  readonly name: string;
  readonly entryPoint: string;
  readonly url: string;
  readonly env: NodeJS.ProcessEnv;
}

/** Where receivers are while one writes them. */
const loopback = '127.0.0.0/8,::1/128';
const readyTimeoutMs = 60_000;
/** A little more than the services allow themselves, so that they end on their own terms. */
const graceMs = 12_000;

/** Where the services listen, and what they are connected to. */
export interface ServiceSettings {
  /** Where the sandbox keeps its ledger, and the stack its secrets. */
  readonly dir: string;
  readonly host: string;
  readonly ports: {
    readonly order: number;
    readonly grpc: number;
    readonly processor: number;
    readonly sandbox: number;
  };
  readonly orderDatabaseUrl: string;
  readonly processorDatabaseUrl: string;
  /** The broker as each of its users. */
  readonly amqpUrls: BrokerUrls['amqpUrls'];
  /** What they get beside that: log level, tuning, and whatever the system needs. */
  readonly env: NodeJS.ProcessEnv;
}

export interface Services {
  readonly sandbox: Service;
  readonly processor: Service;
  readonly order: Service & {
    /** `host:port` of its gRPC API. */
    readonly grpcAddress: string;
  };
}

/** The three processes of the system with the environment that each one reads. */
export function describeServices(settings: ServiceSettings): Services {
  const { dir, host, ports, orderDatabaseUrl, processorDatabaseUrl, amqpUrls } = settings;
  const env: NodeJS.ProcessEnv = { ...settings.env, HOST: host };
  const url = (port: number) => `http://${addressOf(host)}:${port}`;
  return {
    sandbox: {
      name: 'payment-sandbox',
      entryPoint: 'payment-sandbox/src/main.ts',
      url: url(ports.sandbox),
      env: {
        ...env,
        SANDBOX_HTTP_PORT: String(ports.sandbox),
        SANDBOX_LEDGER_FILE: join(dir, 'sandbox', 'ledger.jsonl'),
      },
    },
    processor: {
      name: 'processor-service',
      entryPoint: 'processor-service/src/main.ts',
      url: url(ports.processor),
      env: {
        ...env,
        PROCESSOR_HTTP_PORT: String(ports.processor),
        PROCESSOR_DATABASE_URL: processorDatabaseUrl,
        AMQP_URL: amqpUrls['processor-service'],
        OPERATOR_AMQP_URL: amqpUrls.operator,
        PAYMENT_URL: url(ports.sandbox),
      },
    },
    order: {
      name: 'order-service',
      entryPoint: 'order-service/src/main.ts',
      url: url(ports.order),
      grpcAddress: `${addressOf(host)}:${ports.grpc}`,
      env: {
        ...env,
        ORDER_HTTP_PORT: String(ports.order),
        ORDER_GRPC_PORT: String(ports.grpc),
        ORDER_DATABASE_URL: orderDatabaseUrl,
        AMQP_URL: amqpUrls['order-service'],
        WEBHOOK_SIGNING_KEY: env['WEBHOOK_SIGNING_KEY'] || openSecrets(dir)('webhooks'),
        WEBHOOK_ALLOWED_NETWORKS: env['WEBHOOK_ALLOWED_NETWORKS'] || loopback,
      },
    },
  };
}

export interface LaunchOptions {
  readonly log?: ((line: string) => void) | undefined;
  readonly onSpawn?: ((child: SpawnedProcess) => void) | undefined;
}

/** Starts a service without waiting for it to be ready. */
export function launchService(
  { name, entryPoint, env }: Service,
  { log, onSpawn }: LaunchOptions,
): Promise<ChildProcess> {
  return startChildProcess({
    name,
    command: process.execPath,
    args: [entryPoint],
    cwd: repositoryRoot,
    env,
    graceMs,
    onLine: log,
    onSpawn,
  });
}

/**
 * Waits until a service that was just launched can work.
 *
 * @throws StackError when it ends or is still not ready after a minute; it is stopped then.
 */
export async function waitUntilReady({ name, url }: Service, child: ChildProcess): Promise<void> {
  const deadline = Date.now() + readyTimeoutMs;
  for (;;) {
    const exit = await Promise.race([child.exited, isReady(url)]);
    if (exit === true) return;
    if (exit !== false) throw new StackError(explainExit(child, exit));
    if (Date.now() > deadline) {
      await child.stop();
      throw new StackError(`${name} was not ready after ${readyTimeoutMs / 1000} s; see its log.`);
    }
    await delay(100);
  }
}

async function isReady(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/health/ready`, { signal: AbortSignal.timeout(5_000) });
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}

/** An address that a client on this machine can use for a server that listens on `host`. */
function addressOf(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
}
