import { registerInvariantsRoute } from '#shared/audit/invariants-route.ts';
import { createAuthenticate } from '#shared/auth/authenticate.ts';
import { createRateLimiter } from '#shared/auth/rate-limiter.ts';
import { inquiryWays } from '#shared/contracts/order-inquiries.ts';
import { answerOnce } from '#shared/http/answer-once.ts';
import { registerHealth } from '#shared/http/health.ts';
import { listen } from '#shared/http/listen.ts';
import { createHttpServer } from '#shared/http/server.ts';
import { createKeyCleanup } from '#shared/idempotency/key-cleanup.ts';
import { systemClock } from '#shared/kernel/clock.ts';
import { createFailpoints } from '#shared/kernel/failpoints.ts';
import { sleep } from '#shared/kernel/sleep.ts';
import { createPublisher } from '#shared/messaging/publisher.ts';
import { createRequester } from '#shared/messaging/rpc.ts';
import { measureProcess } from '#shared/metrics/registry.ts';
import type { Logger } from '#shared/observability/logger.ts';
import { measureOutbox } from '#shared/outbox/outbox-metrics.ts';
import { createRelay } from '#shared/outbox/relay.ts';
import { createAnsweredRequests } from '#shared/postgres/answered-requests.ts';
import { createPool } from '#shared/postgres/pool.ts';
import { measurePool } from '#shared/postgres/pool-metrics.ts';
import { finishWithinMs, letGoWithinMs, stopInOrder } from '#shared/process/stop-in-order.ts';
import { createReplaysInBackground } from './application/dead-letters/replay-in-background.ts';
import { createAudit } from './audit/container.ts';
import type { ProcessorServiceConfig } from './config.ts';
import { createConsumers } from './consumers/container.ts';
import { createDesk } from './desk/container.ts';
import { registerDeadLetterActionRoutes } from './http/dead-letter-action-routes.ts';
import { registerDeadLetterRoutes } from './http/dead-letter-routes.ts';
import { registerReplayRoutes } from './http/replay-routes.ts';
import { registerSagaRoutes } from './http/saga-routes.ts';
import { registerStockRoutes } from './http/stock-routes.ts';
import { createPrismaClient } from './infrastructure/postgres/prisma-client.ts';
import { measureSagasUnderWay } from './infrastructure/postgres/saga-metrics.ts';
import { createStockRepository } from './infrastructure/postgres/stock-repository.ts';
import { createPayment } from './payment/container.ts';
import { createSagas } from './sagas/container.ts';

const name = 'processor-service';

export interface ProcessorService {
  /** Resolves with the base URL once requests are answered. */
  start(): Promise<string>;
  /** Ends in the order in which nothing is lost. */
  stop(): Promise<void>;
}

/** Builds the whole service from its settings. */
export async function createProcessorService(
  config: ProcessorServiceConfig,
  logger: Logger,
): Promise<ProcessorService> {
  const clock = systemClock;
  const failpoint = createFailpoints(config.FAILPOINTS);

  const pool = createPool({
    url: config.PROCESSOR_DATABASE_URL,
    applicationName: name,
    maxConnections: config.DATABASE_POOL_SIZE,
    logger,
  });
  // What is told of the service does not wait behind its work.
  const watchPool = createPool({
    url: config.PROCESSOR_DATABASE_URL,
    applicationName: `${name} health and metrics`,
    maxConnections: 2,
    logger,
  });
  measureProcess(name);
  measurePool(pool);
  measureOutbox(watchPool);
  measureSagasUnderWay(watchPool);
  const prisma = createPrismaClient(pool);
  const stock = createStockRepository({ pool, prisma });
  const payment = createPayment({
    config,
    // Requests are still taken: that something is wanted can be noted, and done when the provider is back.
    onOpen: () => consumer.pause(),
    onRetry: () => consumer.resume(),
    logger,
  });

  const publisher = createPublisher({ url: config.AMQP_URL, name: `${name} publisher`, logger });
  const relay = createRelay({
    databaseUrl: config.PROCESSOR_DATABASE_URL,
    name,
    publisher,
    pollIntervalMs: config.OUTBOX_POLL_INTERVAL_MS,
    retentionMs: config.OUTBOX_RETENTION_HOURS * 3_600_000,
    failpoint,
    logger,
  });

  const sagas = createSagas({
    config,
    pool,
    gateway: payment.gateway,
    announce: relay.wake,
    clock,
    failpoint,
    logger,
  });
  const { watchdog } = sagas;
  const { consumer, requestsConsumer, queueMeter } = createConsumers({
    name,
    config,
    useCases: sagas,
    publisher,
    clock,
    failpoint,
    logger,
  });

  // Dead letters are everybody's: the desk has an account of its own, and this service's reaches its own queues only.
  const deskUrl = config.OPERATOR_AMQP_URL ?? config.AMQP_URL;
  const deskPublisher = createPublisher({ url: deskUrl, name: `${name} desk`, logger });
  const requester = createRequester({ ...inquiryWays, url: deskUrl, name: `${name} requester`, logger });
  const desk = createDesk({
    name,
    amqpUrl: deskUrl,
    databaseUrl: config.PROCESSOR_DATABASE_URL,
    pool,
    prisma,
    publisher: deskPublisher,
    requester,
    clock,
    failpoint,
    announce: relay.wake,
    logger,
  });
  const replays = createReplaysInBackground({ carryOut: desk.actions.carryOut, logger });

  const answeredRequests = createAnsweredRequests({ pool });
  const ttlMs = config.IDEMPOTENCY_KEY_HOURS * 3_600_000;
  const keyCleanup = createKeyCleanup({ records: [answeredRequests], clock, logger });

  const audit = createAudit({ config, pool, isBrokerThere: publisher.isReady, clock, logger });

  const authenticate = createAuthenticate(config, logger);
  const rateLimiter = createRateLimiter({ requests: config.RATE_LIMIT, windowMs: config.RATE_WINDOW_MS });
  const http = await createHttpServer({
    title: 'Processor Service',
    description: 'Looks after stock, and after the orders under way.',
    authenticate,
    rateLimiter,
    logger,
  });
  answerOnce(http, { requests: answeredRequests, clock, ttlMs });
  const health = registerHealth(
    http,
    {
      database: { required: true, probe: async () => (await watchPool.query('SELECT 1')).rowCount === 1 },
      broker: {
        required: true,
        probe: () => [publisher, deskPublisher, consumer, requestsConsumer].every((part) => part.isReady()),
      },
      payment: {
        required: false,
        probe: () => payment.gateway.circuit() === 'closed',
        detail: () => ({ circuit: payment.gateway.circuit() }),
      },
    },
    { relay, publisher, deskPublisher, consumer, requestsConsumer, watchdog, keyCleanup },
  );
  registerInvariantsRoute(http, audit);
  registerStockRoutes(http, { stock });
  registerDeadLetterRoutes(http, desk);
  registerDeadLetterActionRoutes(http, desk);
  registerReplayRoutes(http, { actions: desk.actions, background: replays });
  registerSagaRoutes(http, sagas);

  return {
    async start() {
      publisher.start();
      deskPublisher.start();
      relay.start();
      consumer.start();
      requestsConsumer.start();
      queueMeter.start();
      watchdog.start();
      keyCleanup.start();
      audit.start();
      return listen(http, { host: config.HOST, port: config.PROCESSOR_HTTP_PORT });
    },
    async stop() {
      health.startDraining();
      const closeDoors = async () => {
        await sleep(config.SHUTDOWN_DELAY_MS);
        await http.close();
      };
      const disconnect = async () => {
        await prisma.$disconnect();
        await Promise.all([pool.end(), watchPool.end()]);
      };
      const consumers = { consumer: consumer.stop, requestsConsumer: requestsConsumer.stop };
      const inBackground = {
        watchdog: watchdog.stop,
        replays: replays.stop,
        keyCleanup: keyCleanup.stop,
        audit: audit.stop,
      };
      const brokers = {
        publisher: publisher.stop,
        deskPublisher: deskPublisher.stop,
        requester: requester.stop,
        queueMeter: queueMeter.stop,
      };
      await stopInOrder(
        [
          {
            withinMs: config.SHUTDOWN_DELAY_MS + finishWithinMs,
            parts: { doors: closeDoors, ...consumers, ...inBackground },
          },
          { withinMs: letGoWithinMs, parts: { relay: relay.stop } },
          { withinMs: letGoWithinMs, parts: { ...brokers, provider: payment.close, database: disconnect } },
        ],
        logger,
      );
    },
  };
}
