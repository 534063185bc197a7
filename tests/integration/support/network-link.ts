import { type AddressInfo, createServer, connect as dial, type Socket } from 'node:net';

/** The way from a client to a server, with which a test can do what networks do. */
export interface NetworkLink {
  /** The server's URL by way of this link. */
  readonly url: string;
  /** Breaks every connection. New ones get through, and nothing is held back any more. */
  cut(): void;
  /** Breaks every connection, and every new one until `open`. */
  close(): void;
  open(): void;
  /** What the client says still arrives; what the server says from now on does not, until `releaseAnswers`. */
  holdAnswers(): void;
  releaseAnswers(): void;
  dispose(): Promise<void>;
}

/** Opens a link to the server of `url`, whatever protocol it speaks. */
export async function createNetworkLink(url: string): Promise<NetworkLink> {
  const target = new URL(url);
  const connections = new Map<Socket, Socket>();
  let isOpen = true;
  let areAnswersHeld = false;

  const listener = createServer((client) => {
    if (!isOpen) return void client.destroy();
    const server = dial({ host: target.hostname, port: Number(target.port), noDelay: true });
    connections.set(client, server);
    client.setNoDelay();
    client.on('data', (chunk) => server.write(chunk));
    server.on('data', (chunk) => client.write(chunk));
    if (areAnswersHeld) server.pause();
    const end = (): void => {
      connections.delete(client);
      client.destroy();
      server.destroy();
    };
    for (const socket of [client, server]) socket.on('close', end).on('error', end);
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  listener.unref();
  const { port } = listener.address() as AddressInfo;

  function cut(): void {
    areAnswersHeld = false;
    for (const [client, server] of connections) {
      client.destroy();
      server.destroy();
    }
  }

  return {
    url: Object.assign(new URL(url), { hostname: '127.0.0.1', port: String(port) }).href,
    cut,
    close() {
      isOpen = false;
      cut();
    },
    open() {
      isOpen = true;
    },
    holdAnswers() {
      areAnswersHeld = true;
      for (const server of connections.values()) server.pause();
    },
    releaseAnswers() {
      areAnswersHeld = false;
      for (const server of connections.values()) server.resume();
    },
    async dispose() {
      const closed = new Promise((resolve) => listener.close(resolve));
      cut();
      await closed;
    },
  };
}
