import { registerInvariantsRoute } from '#shared/audit/invariants-route.ts';
import { createAuthenticate } from '#shared/auth/authenticate.ts';
import { createRateLimiter } from '#shared/auth/rate-limiter.ts';
import { answerOnce } from '#shared/http/answer-once.ts';
import { registerHealth } from '#shared/http/health.ts';
import { listen } from '#shared/http/listen.ts';
import { createHttpServer } from '#shared/http/server.ts';
import { createKeyCleanup } from '#shared/idempotency/key-cleanup.ts';
import { systemClock } from '#shared/kernel/clock.ts';
import { createFailpoints } from '#shared/kernel/failpoints.ts';
import { sleep } from '#shared/kernel/sleep.ts';
import { createPublisher } from '#shared/messaging/publisher.ts';
import { measureProcess } from '#shared/metrics/registry.ts';
import type { Logger } from '#shared/observability/logger.ts';
import { measureOutbox } from '#shared/outbox/outbox-metrics.ts';
import { createRelay } from '#shared/outbox/relay.ts';
import { createAnsweredRequests } from '#shared/postgres/answered-requests.ts';
import { createPool } from '#shared/postgres/pool.ts';
import { measurePool } from '#shared/postgres/pool-metrics.ts';
import { finishWithinMs, letGoWithinMs, stopInOrder } from '#shared/process/stop-in-order.ts';
import { createRunOnce } from './application/idempotency.ts';
import { createAudit } from './audit/container.ts';
import type { OrderServiceConfig } from './config.ts';
import { createConsumers } from './consumers/container.ts';
import { createGrpcServer } from './grpc/server.ts';
import { registerOrderCommandRoutes } from './http/order-command-routes.ts';
import { registerOrderEventsRoute } from './http/order-events-route.ts';
import { registerOrderRoutes } from './http/order-routes.ts';
import { registerWebhookDeliveryRoutes } from './http/webhook-delivery-routes.ts';
import { webhookDocument } from './http/webhook-document.ts';
import { registerWebhookRoutes } from './http/webhook-routes.ts';
import { createIdempotencyRecords } from './infrastructure/postgres/idempotency-records.ts';
import { createPrismaClient } from './infrastructure/postgres/prisma-client.ts';
import { measureOverdue } from './infrastructure/webhooks/webhook-metrics.ts';
import { createOrders } from './orders/container.ts';
import { createWebhooks } from './webhooks/container.ts';

const name = 'order-service';

export interface OrderService {
  /** Resolves with the base URL once requests are answered; the broker may follow later. */
  start(): Promise<string>;
  /** Ends in the order in which nothing is lost. */
  stop(): Promise<void>;
}

/** Builds the whole service from its settings. */
export async function createOrderService(config: OrderServiceConfig, logger: Logger): Promise<OrderService> {
  const clock = systemClock;
  const failpoint = createFailpoints(config.FAILPOINTS);

  const pool = createPool({
    url: config.ORDER_DATABASE_URL,
    applicationName: name,
    maxConnections: config.DATABASE_POOL_SIZE,
    logger,
  });
  // What is told of the service does not wait behind its work.
  const watchPool = createPool({
    url: config.ORDER_DATABASE_URL,
    applicationName: `${name} health and metrics`,
    maxConnections: 2,
    logger,
  });
  measureProcess(name);
  measurePool(pool);
  measureOutbox(watchPool);
  measureOverdue(watchPool);
  const prisma = createPrismaClient(pool);

  const publisher = createPublisher({ url: config.AMQP_URL, name: `${name} publisher`, logger });
  const relay = createRelay({
    databaseUrl: config.ORDER_DATABASE_URL,
    name,
    publisher,
    pollIntervalMs: config.OUTBOX_POLL_INTERVAL_MS,
    retentionMs: config.OUTBOX_RETENTION_HOURS * 3_600_000,
    failpoint,
    logger,
  });

  const records = createIdempotencyRecords({ pool });
  const ttlMs = config.IDEMPOTENCY_KEY_HOURS * 3_600_000;
  const answeredRequests = createAnsweredRequests({ pool });
  const keyCleanup = createKeyCleanup({ records: [records, answeredRequests], clock, logger });

  const orders = createOrders({
    config,
    pool,
    prisma,
    runOnce: createRunOnce({ records, clock, ttlMs }),
    wakeRelay: relay.wake,
    clock,
    failpoint,
    logger,
  });
  const { askingAgain } = orders;
  const { consumer, responder, queueMeter } = createConsumers({
    name,
    config,
    useCases: orders,
    publisher,
    clock,
    failpoint,
    logger,
  });
  const webhooks = createWebhooks({
    config,
    pool,
    prisma,
    clock,
    failpoint,
    logger,
  });

  const audit = createAudit({ config, pool, isBrokerThere: publisher.isReady, clock, logger });

  const authenticate = createAuthenticate(config, logger);
  const rateLimiter = createRateLimiter({ requests: config.RATE_LIMIT, windowMs: config.RATE_WINDOW_MS });
  const http = await createHttpServer({
    title: 'Order Service',
    description: 'Accepts orders and tells what becomes of them.',
    webhooks: webhookDocument,
    authenticate,
    rateLimiter,
    logger,
  });
  answerOnce(http, { requests: answeredRequests, clock, ttlMs });
  const health = registerHealth(
    http,
    {
      database: { required: true, probe: async () => (await watchPool.query('SELECT 1')).rowCount === 1 },
      // Orders are accepted without the broker; they are announced when it is back.
      broker: { required: false, probe: () => publisher.isReady() && consumer.isReady() },
    },
    { relay, publisher, consumer, responder, webhooks, askingAgain, keyCleanup },
  );
  registerOrderRoutes(http, orders);
  registerOrderEventsRoute(http, orders);
  registerOrderCommandRoutes(http, orders);
  registerWebhookRoutes(http, { webhooks: webhooks.manage });
  registerWebhookDeliveryRoutes(http, { webhooks: webhooks.manage });
  registerInvariantsRoute(http, audit);
  const grpc = createGrpcServer({
    useCases: orders,
    authenticate,
    rateLimiter,
    readiness: health.readiness,
    logger,
  });

  return {
    async start() {
      publisher.start();
      relay.start();
      keyCleanup.start();
      consumer.start();
      responder.start();
      queueMeter.start();
      webhooks.start();
      askingAgain.start();
      audit.start();
      const address = await grpc.listen({ host: config.HOST, port: config.ORDER_GRPC_PORT });
      logger.info({ address }, 'gRPC is served');
      // Last, for it says when the service is ready.
      return listen(http, { host: config.HOST, port: config.ORDER_HTTP_PORT });
    },
    async stop() {
      health.startDraining();
      grpc.startDraining();
      const closeDoors = async () => {
        await sleep(config.SHUTDOWN_DELAY_MS);
        await Promise.all([orders.letWatchersGo(), http.close(), grpc.close()]);
      };
      const disconnect = async () => {
        await prisma.$disconnect();
        await Promise.all([pool.end(), watchPool.end()]);
      };
      const finishing = { doors: closeDoors, consumer: consumer.stop, responder: responder.stop };
      const inBackground = {
        webhooks: webhooks.stop,
        askingAgain: askingAgain.stop,
        keyCleanup: keyCleanup.stop,
        audit: audit.stop,
      };
      await stopInOrder(
        [
          { withinMs: config.SHUTDOWN_DELAY_MS + finishWithinMs, parts: { ...finishing, ...inBackground } },
          { withinMs: letGoWithinMs, parts: { relay: relay.stop } },
          {
            withinMs: letGoWithinMs,
            parts: { publisher: publisher.stop, queueMeter: queueMeter.stop, database: disconnect },
          },
        ],
        logger,
      );
    },
  };
}
