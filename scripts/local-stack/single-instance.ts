import { once } from 'node:events';
import { statSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { text } from 'node:stream/consumers';

/** A folder that belongs to this process alone, until it is released or the process ends. */
export interface FolderClaim {
  release(): Promise<void>;
}

/** What the process that has the folder is doing. */
export type Holder = 'running' | 'stopping';

const answerTimeoutMs = 2_000;

/**
 * Claims a folder, or tells what its holder is doing.
 *
 * The claim is a listening socket in Linux's abstract namespace, named after the folder's identity. The kernel gives
 * it to one process only and takes it back however that process ends, so unlike a lock file it is never stale.
 * On other systems nothing is claimed.
 *
 * @param state asked when another process wants the folder later.
 */
export async function claimFolder(folder: string, state: () => Holder): Promise<FolderClaim | Holder> {
  if (process.platform !== 'linux') return { release: async () => {} };
  const { dev, ino } = statSync(folder);
  const name = `\0order-processor-${dev}-${ino}`;
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.end(state());
  });
  if (!(await listens(server, name))) return askHolder(name);
  server.unref();
  return { release: () => new Promise((resolve) => server.close(() => resolve())) };
}

async function listens(server: Server, name: string): Promise<boolean> {
  try {
    server.listen(name);
    await once(server, 'listening');
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return false;
    throw error;
  }
}

/** A holder that does not answer is running, only not well. One that refuses is ending in this moment. */
async function askHolder(name: string): Promise<Holder> {
  const socket = connect(name);
  const timeout = setTimeout(() => socket.destroy(), answerTimeoutMs);
  try {
    return (await text(socket)) === 'stopping' ? 'stopping' : 'running';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ECONNREFUSED' ? 'stopping' : 'running';
  } finally {
    clearTimeout(timeout);
  }
}
