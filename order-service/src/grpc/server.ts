import { promisify } from 'node:util';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { type Readiness, takesRequests } from '#shared/http/health.ts';
import { measureCalls } from './call-metrics.ts';
import { addHealthService } from './health.ts';
import { createObserveCalls } from './observe-calls.ts';
import { createOrderMethods } from './order-methods.ts';
import { OrderServiceService } from './protobuf/oms/v1/order_service.ts';
import { createReflection } from './reflection.ts';

/** As much as the REST API takes. */
const largestRequestBytes = 256 * 1024;
/** A page of orders of the largest kind is larger than what gRPC lets through by default. */
const largestResponseBytes = 16 * 1024 * 1024;
const streamsPerConnection = 100;
const keepaliveMs = 60_000;
const readinessIntervalMs = 1_000;
/** Less than the process allows itself for stopping. */
const longestFarewellMs = 5_000;

export interface GrpcServer {
  /** Resolves with `host:port` once calls are answered. Port 0 takes any free one. */
  listen(options: { host: string; port: number }): Promise<string>;
  /** From now on the health service says NOT_SERVING, so that callers go elsewhere. */
  startDraining(): void;
  /** Takes no more calls and finishes those under way; who takes longer than a few seconds is cut off. */
  close(): Promise<void>;
}

/**
 * The gRPC API, with reflection and the standard health service. That one knows the server by its empty name and by
 * `oms.v1.OrderService`, and what it depends on as `required/database` or `optional/broker`.
 */
export function createGrpcServer(
  dependencies: Parameters<typeof createOrderMethods>[0] & { readiness: () => Promise<Readiness> },
): GrpcServer {
  const { readiness, ...serving } = dependencies;
  const server = new Server({
    'grpc.max_receive_message_length': largestRequestBytes,
    'grpc.max_send_message_length': largestResponseBytes,
    'grpc.max_concurrent_streams': streamsPerConnection,
    'grpc.keepalive_time_ms': keepaliveMs,
    interceptors: [measureCalls, createObserveCalls(serving.logger)],
  });
  server.addService(OrderServiceService, createOrderMethods(serving));
  createReflection().addToServer(server);
  const health = addHealthService(server);

  let draining = false;
  let timer: NodeJS.Timeout | undefined;

  function showServer(serving: boolean): void {
    for (const name of ['', 'oms.v1.OrderService']) health.setServing(name, serving);
  }

  async function followReadiness(): Promise<void> {
    const now = await readiness();
    if (draining) return;
    for (const [name, state] of Object.entries(now.checks)) {
      health.setServing(`${now.required.includes(name) ? 'required' : 'optional'}/${name}`, state === 'up');
    }
    showServer(takesRequests(now));
    timer = setTimeout(() => void followReadiness(), readinessIntervalMs).unref();
  }

  function startDraining(): void {
    draining = true;
    clearTimeout(timer);
    showServer(false);
  }

  return {
    async listen({ host, port }) {
      await followReadiness();
      const bind = promisify(server.bindAsync.bind(server));
      const named = host.includes(':') ? `[${host}]` : host;
      const bound = await bind(`${named}:${port}`, ServerCredentials.createInsecure());
      return `${named}:${bound}`;
    },
    startDraining,
    async close() {
      startDraining();
      health.letWatchersGo();
      const late = setTimeout(() => server.forceShutdown(), longestFarewellMs);
      await new Promise<void>((resolve) => {
        server.tryShutdown(() => resolve());
      });
      clearTimeout(late);
    },
  };
}
