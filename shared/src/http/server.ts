import { readFile } from 'node:fs/promises';
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import { type FastifyBaseLogger, fastify, LogController } from 'fastify';
import { serializerCompiler, validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod';
import type { Logger } from 'pino';
import type { Authenticate } from '../auth/authenticate.ts';
import type { RateLimiter } from '../auth/rate-limiter.ts';
import { guardRoutes, securitySchemes } from './access.ts';
import { answerError, answerErrors } from './answer-errors.ts';
import type { HttpServer } from './http-server.ts';
import { acceptJson } from './json-bodies.ts';
import { defaultHttpLimits, type HttpLimits } from './limits.ts';
import { measureRequests, registerMetrics } from './metrics-route.ts';
import { identify, observeRequests } from './observe-requests.ts';
import { zodInOpenApi } from './openapi.ts';
import { problems } from './problem.ts';
import { addSecurityHeaders } from './security-headers.ts';
import { answerUnreadable } from './unreadable-requests.ts';
import { watchUnusedConnections } from './unused-connections.ts';

/** By name, in the form of OpenAPI 3.1. */
export type OutgoingRequests = Readonly<Record<string, unknown>>;

export type { HttpServer } from './http-server.ts';

const sweepEveryMs = 50;
/** Less than the process allows itself for stopping. */
const longestFarewellMs = 5_000;

/**
 * A server as both services want it: routes that say who may use them, zod on the way in and out, RFC 9457 problems,
 * correlation ids, limits on what a client may take up, OpenAPI 3.1 at `/openapi.json`, the events in AsyncAPI 3 at
 * `/asyncapi.json`, a browsable page at `/docs`, to which `/` leads, metrics at `/metrics`. Routes are registered by the caller.
 */
export async function createHttpServer(options: {
  title: string;
  description: string;
  authenticate: Authenticate;
  rateLimiter: RateLimiter;
  logger: Logger;
  limits?: Partial<HttpLimits>;
  /** Requests that the service sends to others, as the OpenAPI document describes them. */
  webhooks?: OutgoingRequests;
}): Promise<HttpServer> {
  const limits = { ...defaultHttpLimits, ...options.limits };
  const app = fastify({
    loggerInstance: options.logger as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: limits.bodyBytes,
    requestTimeout: limits.requestTimeoutMs,
    connectionTimeout: limits.stallTimeoutMs,
    http: {
      headersTimeout: limits.headersTimeoutMs,
      // How often Node looks for requests that took longer; its default would double the times above.
      connectionsCheckingInterval: Math.min(1_000, limits.headersTimeoutMs),
    },
    routerOptions: { maxParamLength: 200 },
    forceCloseConnections: 'idle',
    // What arrives on a connection that we have is answered, and the answer closes it.
    return503OnClosing: false,
    clientErrorHandler: answerUnreadable,
    // For addresses that the router cannot make sense of; hooks have not run then.
    frameworkErrors: (thrown, request, reply) => {
      identify(request, reply);
      answerError(thrown, request, reply);
    },
  }).withTypeProvider<ZodTypeProvider>();
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  app.removeContentTypeParser('text/plain');
  acceptJson(app, limits.jsonDepth);
  observeRequests(app, options.logger);
  measureRequests(app);
  addSecurityHeaders(app);
  guardRoutes(app, options);
  answerErrors(app);
  closePromptly(app);
  documentLimits(app);
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: options.title, description: options.description, version: '1.0.0' },
      components: { securitySchemes },
      ...(options.webhooks ? { webhooks: options.webhooks } : {}),
    },
    ...zodInOpenApi,
  });
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: true,
    // The service may well be reached over plain HTTP, behind whatever speaks TLS for it.
    transformStaticCSP: (policy) => policy.replace(' upgrade-insecure-requests;', ''),
  });
  // Who opens the address itself wants to know what there is.
  app.get('/', { config: { access: 'public' }, schema: { hide: true } }, async (_request, reply) =>
    reply.redirect('/docs'),
  );
  app.get('/openapi.json', { config: { access: 'public' }, schema: { hide: true } }, async () =>
    app.swagger(),
  );
  const asyncApi = await readFile(new URL('../../../docs/asyncapi.json', import.meta.url));
  app.get(
    '/asyncapi.json',
    { config: { access: 'public' }, schema: { hide: true } },
    async (_request, reply) => reply.type('application/json; charset=utf-8').send(asyncApi),
  );
  registerMetrics(app);
  return app;
}

/** Stopping waits for requests under way, but neither for connections without any nor for clients that do not go on. */
function closePromptly(app: HttpServer): void {
  const closeUnused = watchUnusedConnections(app.server);
  app.addHook('preClose', async () => {
    closeUnused();
    // Others become idle one by one, as the requests on them are answered.
    const sweep = setInterval(() => app.server.closeIdleConnections(), sweepEveryMs).unref();
    app.server.once('close', () => clearInterval(sweep));
    setTimeout(() => app.server.closeAllConnections(), longestFarewellMs).unref();
  });
}

/** What the limits of the server may answer in place of any route, added to the documentation of each. */
function documentLimits(app: HttpServer): void {
  app.addHook('onRoute', (route) => {
    const { schema } = route;
    if (!schema || schema.hide || route.url.startsWith('/health')) return;
    const limits = {
      ...(schema.params ? problems(414) : {}),
      ...(schema.body ? problems(413, 415) : {}),
      ...problems(429),
    };
    route.schema = { ...schema, response: { ...limits, ...(schema.response as object | undefined) } };
  });
}
