import type { AddressInfo } from 'node:net';
import { PrismaPg } from '@prisma/adapter-pg';
import { registerInvariantsRoute } from '#shared/audit/invariants-route.ts';
import { createAuthenticate } from '#shared/auth/authenticate.ts';
import { createRateLimiter } from '#shared/auth/rate-limiter.ts';
import { answerWays, orderInquiry } from '#shared/contracts/order-inquiries.ts';
import { deadLetterQueueOf, queues } from '#shared/contracts/topology.ts';
import { answerOnce } from '#shared/http/answer-once.ts';
import { registerHealth } from '#shared/http/health.ts';
import { createHttpServer } from '#shared/http/server.ts';
import { createForgetExpired } from '#shared/idempotency/forget-expired.ts';
import { systemClock } from '#shared/kernel/clock.ts';
import { createFailpoints } from '#shared/kernel/failpoints.ts';
import { sleep } from '#shared/kernel/sleep.ts';
import { createConsumer } from '#shared/messaging/consumer.ts';
import { createPublisher } from '#shared/messaging/publisher.ts';
import { createQueueMeter } from '#shared/messaging/queue-meter.ts';
import { createResponder } from '#shared/messaging/rpc.ts';
import { measureProcess } from '#shared/metrics/registry.ts';
import type { Logger } from '#shared/observability/logger.ts';
import { measureOutbox } from '#shared/outbox/outbox-metrics.ts';
import { createRelay } from '#shared/outbox/relay.ts';
import { createAnsweredRequests } from '#shared/postgres/answered-requests.ts';
import { createPool } from '#shared/postgres/pool.ts';
import { measurePool } from '#shared/postgres/pool-metrics.ts';
import { createPeriodicWork } from '#shared/process/periodic-work.ts';
import { finishWithinMs, letGoWithinMs, stopInOrder } from '#shared/process/stop-in-order.ts';
import { createAnswerInquiries } from './application/answer-inquiries.ts';
import { createChangeOrder } from './application/change-order.ts';
import { createFollowProcessing } from './application/follow-processing.ts';
import { createRunOnce } from './application/idempotency.ts';
import { createOrderUpdates } from './application/order-updates.ts';
import { createPlaceOrder } from './application/place-order.ts';
import { createReadOrders } from './application/read-orders.ts';
import { createRecordOperatorAction } from './application/record-operator-action.ts';
import { createWatchOrder } from './application/watch-order.ts';
import { createAudit } from './audit/container.ts';
import type { OrderServiceConfig } from './config.ts';
import { createProcessingMessageHandler, processingBatchSize } from './consumers/processing-messages.ts';
import { createGrpcServer } from './grpc/server.ts';
import { registerOrderCommandRoutes } from './http/order-command-routes.ts';
import { registerOrderEventsRoute } from './http/order-events-route.ts';
import { registerOrderRoutes } from './http/order-routes.ts';
import { registerWebhookDeliveryRoutes } from './http/webhook-delivery-routes.ts';
import { webhookDocument } from './http/webhook-document.ts';
import { registerWebhookRoutes } from './http/webhook-routes.ts';
import { PrismaClient } from './infrastructure/postgres/generated/client.ts';
import { createIdempotencyRecords } from './infrastructure/postgres/idempotency-records.ts';
import { createOrderProgress } from './infrastructure/postgres/order-progress.ts';
import { createOrderRepository } from './infrastructure/postgres/order-repository.ts';
import { createWebhookDeliveries } from './infrastructure/postgres/webhook-deliveries.ts';
import { createWebhookRepository } from './infrastructure/postgres/webhook-repository.ts';
import { measureDeliveries } from './infrastructure/webhooks/webhook-metrics.ts';
import { createWebhooks } from './webhooks/container.ts';

const name = 'order-service';
const keyCleanupIntervalMs = 60_000;
/** How late watchers learn of what other processes did, and how often the database is asked at most. */
const updatePauses = { pollIntervalMs: 500, shortestPauseMs: 50 };

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
  measureProcess(name);
  measurePool(pool);
  measureOutbox(pool);
  const prisma = new PrismaClient({ adapter: new PrismaPg(pool) });
  const orders = createOrderRepository({ pool, prisma });

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
  const runOnce = createRunOnce({ records, clock, ttlMs });
  const answeredRequests = createAnsweredRequests({ pool });
  const keyCleanup = createPeriodicWork({
    work: createForgetExpired({ records: [records, answeredRequests], clock }),
    intervalMs: keyCleanupIntervalMs,
    complaint: 'cannot delete expired idempotency keys',
    logger,
  });
  const orderUpdates = createOrderUpdates({
    progress: createOrderProgress({ pool }),
    maxWatchers: config.MAX_ORDER_WATCHERS,
    ...updatePauses,
    logger,
  });
  const announce = () => {
    relay.wake();
    orderUpdates.look();
  };
  const placeOrder = createPlaceOrder({ orders, runOnce, clock, failpoint, announce: relay.wake });
  const changeOrder = createChangeOrder({ orders, runOnce, clock, failpoint, announce });
  const readOrders = createReadOrders({ orders });
  const watchOrder = createWatchOrder({ readOrders, orderUpdates, clock });
  const followProcessing = createFollowProcessing({ orders, clock, announce: orderUpdates.look });
  const recordOperatorAction = createRecordOperatorAction({ orders });

  const consumer = createConsumer({
    url: config.AMQP_URL,
    name: `${name} consumer`,
    queue: queues.orderProcessed,
    concurrency: 2 * processingBatchSize,
    retryDelaysMs: config.RETRY_DELAYS_MS,
    handler: createProcessingMessageHandler({ followProcessing, recordOperatorAction }),
    publisher,
    clock,
    failpoint,
    logger,
  });

  const queueMeter = createQueueMeter({
    url: config.AMQP_URL,
    name: `${name} queue meter`,
    queues: [queues.orderProcessed, deadLetterQueueOf(queues.orderProcessed)],
    logger,
  });

  const responder = createResponder({
    url: config.AMQP_URL,
    name: `${name} responder`,
    ...answerWays,
    question: orderInquiry,
    answer: createAnswerInquiries({ orders }),
    logger,
  });

  const webhooks = createWebhooks({
    config,
    repositories: {
      webhooks: createWebhookRepository({ pool, prisma }),
      deliveries: measureDeliveries(createWebhookDeliveries({ pool, prisma })),
    },
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
      database: { required: true, probe: async () => (await pool.query('SELECT 1')).rowCount === 1 },
      // Orders are accepted without the broker; they are announced when it is back.
      broker: { required: false, probe: () => publisher.isReady() && consumer.isReady() },
    },
    { relay, publisher, consumer, responder, webhooks, keyCleanup },
  );
  registerOrderRoutes(http, { placeOrder, readOrders });
  registerOrderEventsRoute(http, { watchOrder });
  registerOrderCommandRoutes(http, { changeOrder });
  registerWebhookRoutes(http, { webhooks: webhooks.manage });
  registerWebhookDeliveryRoutes(http, { webhooks: webhooks.manage });
  registerInvariantsRoute(http, audit);
  const grpc = createGrpcServer({
    useCases: { placeOrder, changeOrder, readOrders, watchOrder },
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
      audit.start();
      const address = await grpc.listen({ host: config.HOST, port: config.ORDER_GRPC_PORT });
      logger.info({ address }, 'gRPC is served');
      // Last, for it says when the service is ready.
      await http.listen({ host: config.HOST, port: config.ORDER_HTTP_PORT });
      const { port } = http.server.address() as AddressInfo;
      return `http://${config.HOST}:${port}`;
    },
    async stop() {
      health.startDraining();
      grpc.startDraining();
      const closeDoors = async () => {
        await sleep(config.SHUTDOWN_DELAY_MS);
        await Promise.all([orderUpdates.stop(), http.close(), grpc.close()]);
      };
      const disconnect = async () => {
        await prisma.$disconnect();
        await pool.end();
      };
      const finishing = { doors: closeDoors, consumer: consumer.stop, responder: responder.stop };
      const inBackground = { webhooks: webhooks.stop, keyCleanup: keyCleanup.stop, audit: audit.stop };
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
