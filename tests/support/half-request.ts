import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';

/** A request that the server has begun to read and cannot answer yet. */
export interface HalfRequest {
  /** Sends the rest and gives the whole answer, which has to be the last one on this connection. */
  finish(): Promise<string>;
}

/** Sends the head of a POST, and comes back once the server has asked for the body. */
export async function beginPost(address: string, body: string): Promise<HalfRequest> {
  const { pathname, host } = new URL(address);
  const socket = open(address);
  const head = [
    `POST ${pathname} HTTP/1.1`,
    `host: ${host}`,
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(body)}`,
    'expect: 100-continue',
  ];
  socket.write(`${head.join('\r\n')}\r\n\r\n`);
  const [answer] = (await once(socket, 'data')) as [Buffer];
  if (!answer.toString().startsWith('HTTP/1.1 100 ')) throw new Error(`not asked for the body: ${answer}`);
  return {
    finish() {
      socket.write(body);
      return text(socket);
    },
  };
}

/** Whether nobody listens at the address any more. */
export async function isRefused(address: string): Promise<boolean> {
  const socket = open(address);
  try {
    await once(socket, 'connect');
    return false;
  } catch {
    return true;
  } finally {
    socket.destroy();
  }
}

function open(address: string): Socket {
  const { hostname, port } = new URL(address);
  return connect(Number(port), hostname);
}
