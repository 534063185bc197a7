import fastifySwagger from '@fastify/swagger';
import Fastify, { type FastifyBaseLogger, LogController } from 'fastify';
import { jsonSchemaTransform, validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod';
import type { Logger } from 'pino';
import { watchUnusedConnections } from '#shared/http/unused-connections.ts';
import { createCharges } from './charges.ts';
import { createErrorHandler } from './http/error-handler.ts';
import { createFaultPlayer } from './http/faults.ts';
import { healthRoutes } from './http/health-routes.ts';
import { keyRoutes } from './http/key-routes.ts';
import { ledgerRoutes } from './http/ledger-routes.ts';
import { paymentRoutes } from './http/payment-routes.ts';
import { createPerformer } from './http/performer.ts';
import { sendProblem } from './http/problem.ts';
import type { SandboxApp } from './http/sandbox-app.ts';
import { scenarioRoutes } from './http/scenario-routes.ts';
import type { Ledger } from './ledger.ts';
import { createPayments } from './payments.ts';
import { createScenarioPlayer } from './scenario-player.ts';
import type { Delays } from './scenarios.ts';

/**
 * Builds the provider around its ledger, ready to `listen`. `close` answers what is in the middle of being decided,
 * hangs up on what a scenario holds up, and closes the ledger.
 */
export async function buildServer(parts: {
  ledger: Ledger;
  delays: Delays;
  logger: Logger;
}): Promise<SandboxApp> {
  const { ledger, delays, logger } = parts;
  const player = createScenarioPlayer({ delays });
  const faults = createFaultPlayer();

  const app = Fastify({
    loggerInstance: logger as FastifyBaseLogger,
    // One line per request would cost more than the request: only when someone is looking.
    logController: new LogController({ disableRequestLogging: !logger.isLevelEnabled('debug') }),
    routerOptions: { maxParamLength: 1024 },
    forceCloseConnections: 'idle',
  }).withTypeProvider<ZodTypeProvider>();

  app.setValidatorCompiler(validatorCompiler);
  // Answers are built from typed values, and tests hold them to their schemas: checking each again would be idle work.
  app.setSerializerCompiler(() => JSON.stringify);
  app.setErrorHandler(createErrorHandler(faults));
  app.setNotFoundHandler((request, reply) =>
    sendProblem(reply, {
      status: 404,
      code: 'NOT_FOUND',
      detail: `There is no ${request.method} ${request.url}.`,
    }),
  );
  const closeUnused = watchUnusedConnections(app.server);
  app.addHook('preClose', async () => {
    player.stop();
    faults.stop();
    closeUnused();
  });
  app.addHook('onClose', async () => ledger.close());

  await app.register(fastifySwagger, {
    openapi: { openapi: '3.1.0', info: { title: 'Payment sandbox', version: '1.0.0' } },
    transform: jsonSchemaTransform,
  });
  app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger());
  const perform = createPerformer({ ledger, player });
  keyRoutes(app, { charges: createCharges({ ledger }), perform });
  paymentRoutes(app, { payments: createPayments({ ledger }), perform });
  ledgerRoutes(app, { ledger });
  scenarioRoutes(app, { player });
  healthRoutes(app, { ledger });
  return app;
}
