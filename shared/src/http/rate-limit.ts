import rateLimit from '@fastify/rate-limit';
import type { FastifyRequest } from 'fastify';
import { anonymous, nobody } from '../auth/caller.ts';
import type { HttpServer } from './http-server.ts';
import type { HttpLimits } from './limits.ts';

/** Becomes a problem with status 429; the header `Retry-After` says when to come back. */
class TooManyRequests extends Error {
  override readonly name = 'TooManyRequests';
  readonly statusCode = 429;
}

/** Whoever watches the service must see it also, and above all, while it is under pressure. */
const exempt = /^\/(health(\/|$)|metrics$)/;

/**
 * Counts requests by caller: its subject where it is authenticated, the address otherwise. Every answer says where the
 * caller stands, in the fields of draft-ietf-httpapi-ratelimit-headers-10. The count is that of this process alone.
 */
export async function limitRate(app: HttpServer, limit: HttpLimits['rate']): Promise<void> {
  await app.register(rateLimit, { global: false });
  const check = app.createRateLimit({
    max: limit.requests,
    timeWindow: limit.windowMs,
    keyGenerator: callerOf,
  });
  const windowSeconds = Math.ceil(limit.windowMs / 1000);
  const policy = `"default";q=${limit.requests};w=${windowSeconds}`;

  // After authentication, before the body is read.
  app.addHook('preParsing', async (request, reply) => {
    if (exempt.test(request.routeOptions.url ?? '')) return;
    const state = await check(request);
    if (state.isAllowed) return;
    reply.header('ratelimit-policy', policy);
    reply.header('ratelimit', `"default";r=${state.remaining};t=${state.ttlInSeconds}`);
    if (!state.isExceeded) return;
    reply.header('retry-after', Math.max(1, state.ttlInSeconds));
    throw new TooManyRequests(`at most ${limit.requests} requests in ${windowSeconds} s`);
  });
}

function callerOf({ caller, ip }: FastifyRequest): string {
  return caller === anonymous || caller === nobody ? `address ${ip}` : `subject ${caller.subject}`;
}
