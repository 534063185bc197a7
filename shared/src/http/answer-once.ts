import type { FastifyReply, FastifyRequest, RouteOptions } from 'fastify';
import { z } from 'zod';
import type { AnsweredRequests, Claim, KeptAnswer } from '../idempotency/answered-requests.ts';
import { fingerprintOf } from '../idempotency/fingerprint.ts';
import { idempotencyKeyHeader, idempotencyKeyOf, replayedHeader } from '../idempotency/key.ts';
import { keyInUse, keyReused } from '../idempotency/refusals.ts';
import type { Clock } from '../kernel/clock.ts';
import { AppError } from '../kernel/errors.ts';
import type { HttpServer } from './http-server.ts';
import { problems } from './problem.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Requests may carry an idempotency key. What is secret in an answer is told once, and kept nowhere. */
    answersOnce?: true | { readonly secret: string };
  }
  interface FastifyRequest {
    claim: (Claim & { isDecided: boolean }) | undefined;
  }
}

/** Longer than any request takes; whoever holds a claim for longer has died. */
const longestWorkMs = 60_000;

/**
 * Carries out requests with an idempotency key once, at the routes that say `answersOnce`: the answer is kept, and so are
 * refusals that were decided. Unlike orders, whose keys are stored with them, an answer is kept after the work: if the
 * process dies between the two, the claim lapses after a minute and the work is done again. It has to bear that.
 *
 * Has to be called before routes are added.
 *
 * @param options.ttlMs how long a key stands for its request
 */
export function answerOnce(
  app: HttpServer,
  options: { requests: AnsweredRequests; clock: Clock; ttlMs: number },
): void {
  const { requests, clock, ttlMs } = options;
  const inMs = (ms: number) => new Date(clock().getTime() + ms);

  app.decorateRequest('claim', undefined);
  app.addHook('onRoute', describeKey);

  app.addHook('preHandler', async (request, reply) => {
    const key = idempotencyKeyOf(request.headers);
    const { config, url, method } = request.routeOptions;
    if (!config.answersOnce || key === undefined) return;
    const { caller, params, query, body } = request;
    const scope = { caller: caller.subject, operation: `${String(method)} ${url}`, key };
    const fingerprint = fingerprintOf({ params, query, body });
    const claimed = await requests.claim(scope, { fingerprint, now: clock(), lapsesAt: inMs(longestWorkMs) });
    if (claimed.outcome === 'reused') throw keyReused();
    if (claimed.outcome === 'under way') throw keyInUse();
    if (claimed.outcome === 'answered') return replay(claimed.answer, reply);
    request.claim = { ...claimed.claim, isDecided: true };
  });

  app.addHook('onError', async (request, _reply, error) => {
    if (request.claim) request.claim.isDecided = isDecision(error);
  });

  app.addHook('onSend', async (request, reply, payload) => {
    const { claim } = request;
    if (!claim) return;
    // The work is done either way: without its answer the caller would do it again for sure.
    try {
      if (!claim.isDecided) await requests.release(claim);
      else await requests.keep(claim, answerOf(request, reply, payload), inMs(ttlMs));
    } catch (error) {
      request.log.warn({ err: error }, 'cannot keep the answer to a request with an idempotency key');
    }
  });
}

function describeKey(route: RouteOptions): void {
  if (!route.config?.answersOnce || !route.schema) return;
  const { headers, response } = route.schema as { headers?: z.ZodObject; response?: object };
  route.schema = {
    ...route.schema,
    headers: z.object({ ...headers?.shape, ...idempotencyKeyHeader.shape }),
    response: { ...response, ...problems(409, 422) },
  };
}

/** What is wrong with a request whatever the state of things can be told again at any time. */
function isDecision(error: unknown): boolean {
  return error instanceof AppError && error.kind === 'rejected' && error.code !== 'VALIDATION_FAILED';
}

function answerOf(request: FastifyRequest, reply: FastifyReply, payload: unknown): KeptAnswer {
  const headers = Object.fromEntries(
    ['content-type', 'location'].flatMap((name) => {
      const value = reply.getHeader(name);
      return value === undefined ? [] : [[name, String(value)]];
    }),
  );
  const body = typeof payload === 'string' ? payload : '';
  const { answersOnce } = request.routeOptions.config;
  const kept = typeof answersOnce === 'object' && body !== '' ? without(answersOnce.secret, body) : body;
  return { status: reply.statusCode, headers, body: kept };
}

function without(secret: string, body: string): string {
  return JSON.stringify(JSON.parse(body), (name, value: unknown) => (name === secret ? undefined : value));
}

function replay({ status, headers, body }: KeptAnswer, reply: FastifyReply): FastifyReply {
  return reply
    .code(status)
    .headers({ ...headers, [replayedHeader]: 'true' })
    .serializer((text: string) => text)
    .send(body);
}
