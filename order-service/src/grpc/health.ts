import type { Server, ServerWritableStream, UntypedServiceImplementation } from '@grpc/grpc-js';
import { HealthImplementation } from 'grpc-health-check';

/** `grpc.health.v1`, https://github.com/grpc/grpc/blob/master/doc/health-checking.md */
export interface HealthService {
  /** The empty name is the whole server. */
  setServing(name: string, isServing: boolean): void;
  /** Ends the calls of those who watch. They have no end of their own, and a server that stops would wait for them. */
  letWatchersGo(): void;
}

type WatchCall = ServerWritableStream<unknown, unknown>;

export function addHealthService(server: Server): HealthService {
  const health = new HealthImplementation();
  const watching = new Set<WatchCall>();
  const shown = new Map<string, boolean>();

  const addService: Server['addService'] = (definition, implementation) => {
    const { watch, ...others } = implementation as UntypedServiceImplementation & {
      watch: (call: WatchCall) => void;
    };
    const watchUntilStopped = (call: WatchCall): void => {
      watching.add(call);
      call.on('cancelled', () => watching.delete(call));
      watch(call);
    };
    server.addService(definition, { ...others, watch: watchUntilStopped });
  };
  health.addToServer({ addService } as Server);

  return {
    setServing(name, isServing) {
      if (shown.get(name) === isServing) return;
      shown.set(name, isServing);
      health.setStatus(name, isServing ? 'SERVING' : 'NOT_SERVING');
    },
    letWatchersGo() {
      for (const call of watching) call.end();
      watching.clear();
    },
  };
}
