import type { FastifyInstance, RouteOptions } from 'fastify';
import type { Authenticate } from '../auth/authenticate.ts';
import { type Caller, nobody, requireScope, type Scope } from '../auth/caller.ts';
import type { RateLimiter } from '../auth/rate-limiter.ts';
import { problems } from './problem.ts';
import { countRequest } from './rate-limit.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The scope that the route needs, or that it needs none and no token. Every route has to say. */
    access?: Scope | 'public';
  }
  interface FastifyRequest {
    /** Who asks; at a public route `nobody`. */
    caller: Caller;
  }
}

/** How tokens are passed, for the OpenAPI document. */
export const securitySchemes = {
  bearer: {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
    description: 'An access token (RFC 9068); its `scope` claim names what it allows',
  },
} as const;

/**
 * Lets requests reach a route only with what the route says it needs, and only so many of one caller, before anything of
 * them is read. Has to be called before routes are added: one that says nothing about its access makes the start fail.
 */
export function guardRoutes(
  app: Pick<FastifyInstance, 'addHook' | 'decorateRequest'>,
  { authenticate, rateLimiter }: { authenticate: Authenticate; rateLimiter: RateLimiter },
): void {
  app.decorateRequest('caller');
  app.addHook('onRoute', describeAccess);
  app.addHook('onRequest', async (request, reply) => {
    const { access } = request.routeOptions.config;
    const isOpen = request.is404 || access === undefined || access === 'public';
    request.caller = nobody;
    try {
      if (!isOpen) request.caller = await authenticate(request.headers.authorization);
    } finally {
      // Who shows no token, or a wrong one, is counted by his address.
      await countRequest(request, reply, rateLimiter);
    }
    if (!isOpen) requireScope(request.caller, access);
  });
}

function describeAccess(route: RouteOptions): void {
  if (route.url.startsWith('/docs')) route.config = { ...route.config, access: 'public' };
  const access = route.config?.access;
  if (access === undefined)
    throw new Error(`${String(route.method)} ${route.url} does not say who may use it`);
  if (access === 'public' || route.schema === undefined) return;
  route.schema = {
    ...route.schema,
    security: [{ bearer: [access] }],
    response: { ...(route.schema.response as object), ...problems(401, 403, 503) },
  };
}
