import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { createPortPicker } from './ports.ts';

const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function listen(host: string): Promise<number> {
  const server = createServer().listen(0, host);
  servers.push(server);
  await once(server, 'listening');
  return (server.address() as { port: number }).port;
}

/** A port that was free a moment ago, with nobody of ours on the next ones. */
async function freePort(): Promise<number> {
  const port = await listen('127.0.0.1');
  servers.pop()?.close();
  return port;
}

describe('picking a port', () => {
  it('takes the preferred one when it is free', async () => {
    const port = await freePort();
    expect(await createPortPicker()(port)).toBe(port);
  });

  it.each(['127.0.0.1', '0.0.0.0'])('moves on when somebody listens on it at %s', async (host) => {
    const taken = await listen(host);
    expect(await createPortPicker()(taken)).toBeGreaterThan(taken);
  });

  it('gives every caller another one, also when they ask at once', async () => {
    const pick = createPortPicker();
    const port = await freePort();
    const picked = await Promise.all([pick(port), pick(port), pick(port)]);
    expect(new Set(picked).size).toBe(3);
  });

  it('does not move on from a port that was asked for by name', async () => {
    const taken = await listen('127.0.0.1');
    const pick = createPortPicker(new Map([[taken, 'ORDER_HTTP_PORT']]));
    await expect(pick(taken)).rejects.toThrow(`Port ${taken} (ORDER_HTTP_PORT) is taken by another program.`);
  });
});
