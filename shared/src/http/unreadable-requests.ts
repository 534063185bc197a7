import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { newId } from '../kernel/ids.ts';
import { httpProblem, problemContentType } from './problem.ts';

const statuses: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};

/** Answers with a problem what is not HTTP, too long to be read or never finished, and hangs up. */
export function answerUnreadable(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const status = statuses[error.code ?? ''] ?? 400;
  const title = STATUS_CODES[status] ?? '';
  // There is no request yet that could have an address or an id.
  const body = JSON.stringify(httpProblem(status, title, { instance: '', correlationId: newId() }));
  const head = [
    `HTTP/1.1 ${status} ${title}`,
    `content-type: ${problemContentType}`,
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}
