import type { Server } from 'node:http';
import type { Socket } from 'node:net';

/**
 * Watches for connections that were opened ahead of need, as connection pools do. Node does not count a connection that
 * has never carried a request as idle, and closing the server would wait for its owner to think better of it.
 *
 * @returns closes those that are still unused
 */
export function watchUnusedConnections(server: Server): () => void {
  const unused = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    unused.add(socket);
    socket.once('close', () => unused.delete(socket));
  });
  server.on('request', ({ socket }) => unused.delete(socket));
  return () => {
    for (const socket of unused) socket.destroy();
  };
}
