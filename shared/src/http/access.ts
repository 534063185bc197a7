import type { FastifyInstance, FastifyRequest, RouteOptions } from 'fastify';
import type { Authenticate } from '../auth/authenticate.ts';
import { type Caller, nobody, requireScope, type Scope } from '../auth/caller.ts';
import { problems } from './problem.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The scope that the route needs, or that it needs none and no token. Every route has to say. */
    access?: Scope | 'public';
  }
  interface FastifyRequest {
    /** Who asks; at a public route, or if we cannot tell, `nobody`. */
    caller: Caller;
    /** Why we cannot tell who asks. */
    unidentified: unknown;
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

type Hooks = Pick<FastifyInstance, 'addHook' | 'decorateRequest'>;

/** Finds out who asks, and refuses nobody yet: whoever is about to be refused is to be counted, too. */
export function identifyCallers(app: Hooks, authenticate: Authenticate): void {
  app.decorateRequest('caller');
  app.decorateRequest('unidentified');
  app.addHook('onRequest', async (request) => {
    request.caller = nobody;
    if (accessTo(request) === 'public') return;
    try {
      request.caller = await authenticate(request.headers.authorization);
    } catch (error) {
      request.unidentified = error;
    }
  });
}

/**
 * Lets requests reach a route only with what the route says it needs, before anything of them is read. Has to be called
 * after {@link identifyCallers} and before routes are added: one that says nothing about its access makes the start fail.
 */
export function guardRoutes(app: Hooks): void {
  app.addHook('onRoute', describeAccess);
  app.addHook('onRequest', async (request) => {
    const access = accessTo(request);
    if (access === 'public') return;
    if (request.unidentified !== undefined) throw request.unidentified;
    requireScope(request.caller, access);
  });
}

function accessTo({ is404, routeOptions }: FastifyRequest): Scope | 'public' {
  return is404 ? 'public' : (routeOptions.config.access ?? 'public');
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
