import type { Socket } from 'node:net';
import type { FastifyReply } from 'fastify';
import type { FaultKind } from '../scenarios.ts';
import { sendProblem } from './problem.ts';

/** Acts faults out on the connection. */
export interface FaultPlayer {
  act(kind: FaultKind, reply: FastifyReply): void;
  /** Hangs up on everyone who is still waiting for an answer that never comes. */
  stop(): void;
}

export function createFaultPlayer(): FaultPlayer {
  const silent = new Set<Socket>();

  const fallSilent = (reply: FastifyReply): void => {
    const { socket } = reply.hijack().request;
    silent.add(socket);
    socket.once('close', () => silent.delete(socket));
  };

  return {
    act(kind, reply) {
      switch (kind) {
        case 'error':
          sendProblem(reply, { status: 500, code: 'INTERNAL_ERROR', detail: 'Something went wrong.' });
          return;
        case 'busy':
          reply.header('retry-after', '1');
          sendProblem(reply, {
            status: 429,
            code: 'RATE_LIMITED',
            detail: 'Too many requests, nothing was done.',
          });
          return;
        case 'silence':
          fallSilent(reply);
          return;
        case 'reset':
          reply.hijack().request.socket.resetAndDestroy();
          return;
        default:
          return kind satisfies never;
      }
    },
    stop() {
      for (const socket of silent) socket.destroy();
    },
  };
}
