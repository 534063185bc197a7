import { promisify } from 'node:util';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { HealthImplementation } from 'grpc-health-check';
import { measureCalls } from './call-metrics.ts';
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

/** The gRPC API, with reflection and the standard health service, which says what `isReady` says. */
export function createGrpcServer(
  dependencies: Parameters<typeof createOrderMethods>[0] & { isReady: () => Promise<boolean> },
): GrpcServer {
  const { isReady, ...serving } = dependencies;
  const server = new Server({
    'grpc.max_receive_message_length': largestRequestBytes,
    'grpc.max_send_message_length': largestResponseBytes,
    'grpc.max_concurrent_streams': streamsPerConnection,
    'grpc.keepalive_time_ms': keepaliveMs,
    interceptors: [measureCalls],
  });
  server.addService(OrderServiceService, createOrderMethods(serving));
  createReflection().addToServer(server);
  const health = new HealthImplementation();
  health.addToServer(server);

  let draining = false;
  let shown: boolean | undefined;
  let timer: NodeJS.Timeout | undefined;

  function show(serving: boolean): void {
    if (serving === shown) return;
    shown = serving;
    // The empty name stands for the whole server.
    for (const name of ['', 'oms.v1.OrderService'])
      health.setStatus(name, serving ? 'SERVING' : 'NOT_SERVING');
  }

  async function followReadiness(): Promise<void> {
    const ready = await isReady();
    if (draining) return;
    show(ready);
    timer = setTimeout(() => void followReadiness(), readinessIntervalMs).unref();
  }

  function startDraining(): void {
    draining = true;
    clearTimeout(timer);
    show(false);
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
      const late = setTimeout(() => server.forceShutdown(), longestFarewellMs);
      await new Promise<void>((resolve) => {
        server.tryShutdown(() => resolve());
      });
      clearTimeout(late);
    },
  };
}
