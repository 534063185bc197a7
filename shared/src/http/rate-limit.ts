import type { FastifyReply, FastifyRequest } from 'fastify';
import { type RateLimiter, tooManyRequests, toSeconds } from '../auth/rate-limiter.ts';

/** Whoever watches the service must see it also, and above all, while it is under pressure. */
const exempt = /^\/(health(\/|$)|metrics$)/;

/**
 * Counts a request for its caller and says where that stands, in the fields of draft-ietf-httpapi-ratelimit-headers-10.
 *
 * @throws AppError `TOO_MANY_REQUESTS`
 */
export async function countRequest(
  request: FastifyRequest,
  reply: FastifyReply,
  limiter: RateLimiter,
): Promise<void> {
  if (exempt.test(request.routeOptions.url ?? '')) return;
  const { rate } = limiter;
  const standing = await limiter.count(request.caller, request.ip);
  reply.header('ratelimit-policy', `"default";q=${rate.requests};w=${toSeconds(rate.windowMs)}`);
  reply.header('ratelimit', `"default";r=${standing.remaining};t=${toSeconds(standing.resetMs)}`);
  if (standing.isExceeded) throw tooManyRequests(rate, standing);
}
