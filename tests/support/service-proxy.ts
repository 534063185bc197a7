import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** One process of a service: where it tells its readiness, and where it listens, by the name of the port. */
export interface Endpoint<Port extends string> {
  readonly url: string;
  readonly ports: Readonly<Record<Port, number>>;
}

/**
 * What a Service of Kubernetes does: new connections go in turn to the processes that said they were ready when they were
 * last asked; those that are there stay where they are. It knows nothing of HTTP.
 */
export interface ServiceProxy<Port extends string> {
  /** Where clients connect to. */
  readonly ports: Readonly<Record<Port, number>>;
  add(endpoint: Endpoint<Port>): void;
  remove(endpoint: Endpoint<Port>): void;
  /** Those that connections go to at the moment. */
  ready(): readonly Endpoint<Port>[];
  close(): void;
}

const probeEveryMs = 100;
const host = '127.0.0.1';

export async function startServiceProxy<Port extends string>(
  names: readonly Port[],
): Promise<ServiceProxy<Port>> {
  const readiness = new Map<Endpoint<Port>, boolean>();
  const sockets = new Set<Socket>();
  let turn = 0;

  const ready = () => [...readiness].filter(([, isReady]) => isReady).map(([endpoint]) => endpoint);

  async function probe(endpoint: Endpoint<Port>): Promise<void> {
    const isReady = await fetch(`${endpoint.url}/health/ready`, { headers: { connection: 'close' } })
      .then(({ ok }) => ok)
      .catch(() => false);
    if (readiness.has(endpoint)) readiness.set(endpoint, isReady);
  }

  function pass(client: Socket, name: Port): void {
    const candidates = ready();
    const chosen = candidates[turn++ % Math.max(1, candidates.length)];
    if (!chosen) return void client.destroy();
    const server = connect({ host, port: chosen.ports[name], noDelay: true, allowHalfOpen: true });
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      sockets.add(socket);
      socket.pipe(other);
      socket.on('error', () => other.resetAndDestroy());
      socket.on('close', () => sockets.delete(socket));
    }
  }

  const servers: Server[] = [];
  const ports: Partial<Record<Port, number>> = {};
  for (const name of names) {
    const listening = { noDelay: true, allowHalfOpen: true };
    const server = createServer(listening, (client) => pass(client, name)).listen(0, host);
    await once(server, 'listening');
    servers.push(server);
    ports[name] = (server.address() as AddressInfo).port;
  }
  const probing = setInterval(() => {
    for (const endpoint of readiness.keys()) void probe(endpoint);
  }, probeEveryMs);

  return {
    ports: ports as Record<Port, number>,
    add: (endpoint) => void readiness.set(endpoint, false),
    remove: (endpoint) => void readiness.delete(endpoint),
    ready,
    close() {
      clearInterval(probing);
      for (const server of servers) server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
