import type { FastifyRequest } from 'fastify';
import type { HttpServer } from './http-server.ts';

/** What is said in place of a status when the connection broke before there was one; nginx says so, too. */
export const unansweredStatus = 499;

export interface RequestEnd {
  readonly status: number;
  readonly durationMs: number;
}

/**
 * Tells of every request once, when it is over: answered, or left by its client. Of the latter Fastify's `onResponse`
 * says nothing, and they are those that took too long for somebody.
 */
export function onRequestEnd(
  app: HttpServer,
  tell: (request: FastifyRequest, end: RequestEnd) => void,
): void {
  app.addHook('onRequest', (request, { raw: response }, done) => {
    const start = performance.now();
    response.once('close', () => {
      const status = response.headersSent ? response.statusCode : unansweredStatus;
      tell(request, { status, durationMs: performance.now() - start });
    });
    done();
  });
}
