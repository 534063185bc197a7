import type { AddressInfo } from 'node:net';
import { registerInvariantsRoute } from '#shared/audit/invariants-route.ts';
import { createAuthenticate } from '#shared/auth/authenticate.ts';
import { createRateLimiter } from '#shared/auth/rate-limiter.ts';
import { inquiryWays } from '#shared/contracts/order-inquiries.ts';
import { deadLetterQueueOf, queues, retryQueueOf } from '#shared/contracts/topology.ts';
import { answerOnce } from '#shared/http/answer-once.ts';
import { registerHealth } from '#shared/http/health.ts';
import { createHttpServer } from '#shared/http/server.ts';
import { createForgetExpired } from '#shared/idempotency/forget-expired.ts';
import { createBatcher } from '#shared/kernel/batcher.ts';
import { systemClock } from '#shared/kernel/clock.ts';
import { AppError } from '#shared/kernel/errors.ts';
import { createFailpoints } from '#shared/kernel/failpoints.ts';
import { sleep } from '#shared/kernel/sleep.ts';
import { createConsumer } from '#shared/messaging/consumer.ts';
import { createPublisher } from '#shared/messaging/publisher.ts';
import { createQueueMeter } from '#shared/messaging/queue-meter.ts';
import { createRequester } from '#shared/messaging/rpc.ts';
import { measureProcess } from '#shared/metrics/registry.ts';
import type { Logger } from '#shared/observability/logger.ts';
import { measureOutbox } from '#shared/outbox/outbox-metrics.ts';
import { createRelay } from '#shared/outbox/relay.ts';
import { createAnsweredRequests } from '#shared/postgres/answered-requests.ts';
import { createPool } from '#shared/postgres/pool.ts';
import { measurePool } from '#shared/postgres/pool-metrics.ts';
import { createPeriodicWork } from '#shared/process/periodic-work.ts';
import { finishWithinMs, letGoWithinMs, stopInOrder } from '#shared/process/stop-in-order.ts';
import { createCancelOrder } from './application/cancel-order.ts';
import { createCompensateOrder } from './application/compensate-order.ts';
import { createReplaysInBackground } from './application/dead-letters/replay-in-background.ts';
import { observeSagaSteps } from './application/observe-saga-steps.ts';
import { createProcessOrder } from './application/process-order.ts';
import { createAttempts } from './application/provider-attempts.ts';
import { createReadSagas } from './application/read-sagas.ts';
import { createRefundOrder } from './application/refund-order.ts';
import { createResumeSaga } from './application/resume-saga.ts';
import { createTakeSagaSteps, type SagaStep, type StepResult } from './application/take-saga-steps.ts';
import { createDriveOverdueSaga, createSagaWatchdog } from './application/watch-sagas.ts';
import { createAudit } from './audit/container.ts';
import { type ProcessorServiceConfig, patienceOf } from './config.ts';
import { createMessageHandlers } from './consumers/message-handlers.ts';
import { createDesk } from './desk/container.ts';
import { registerDeadLetterActionRoutes } from './http/dead-letter-action-routes.ts';
import { registerDeadLetterRoutes } from './http/dead-letter-routes.ts';
import { registerSagaRoutes } from './http/saga-routes.ts';
import { registerStockRoutes } from './http/stock-routes.ts';
import { createHttpPaymentGateway } from './infrastructure/payment/http-payment-gateway.ts';
import { logCalls } from './infrastructure/payment/logged-gateway.ts';
import { measureCircuit, measureGateway } from './infrastructure/payment/measured-gateway.ts';
import { createPaymentBreaker } from './infrastructure/payment/payment-breaker.ts';
import { createPrismaClient } from './infrastructure/postgres/prisma-client.ts';
import { measureSagas, measureSagasUnderWay } from './infrastructure/postgres/saga-metrics.ts';
import { createSagaRepository } from './infrastructure/postgres/saga-repository.ts';
import { createStockRepository } from './infrastructure/postgres/stock-repository.ts';

const name = 'processor-service';
/** How many steps of sagas one transaction may carry. */
const stepBatchSize = 100;
/** The longest that giving money back waits for its next attempt. */
const longestRetryMs = 600_000;
const keyCleanupIntervalMs = 60_000;

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
  measureProcess(name);
  measurePool(pool);
  measureOutbox(pool);
  const prisma = createPrismaClient(pool);
  const sagas = measureSagas(createSagaRepository({ pool }));
  measureSagasUnderWay(pool);
  const stock = createStockRepository({ pool, prisma });
  const provider = createHttpPaymentGateway({
    baseUrl: config.PAYMENT_URL,
    timeoutMs: config.PAYMENT_TIMEOUT_MS,
    connections: config.PROCESSOR_CONCURRENCY + config.REQUESTS_CONCURRENCY,
  });
  const gateway = createPaymentBreaker({
    gateway: measureGateway(logCalls(provider, logger)),
    failures: config.PAYMENT_BREAKER_FAILURES,
    openMs: config.PAYMENT_BREAKER_OPEN_MS,
    // Requests are still taken: that something is wanted can be noted, and done when the provider is back.
    onOpen: () => consumer.pause(),
    onRetry: () => consumer.resume(),
    logger,
  });

  measureCircuit(gateway);

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

  const takeSteps = createTakeSagaSteps({ sagas, clock, patience: patienceOf(config) });
  const steps = createBatcher<SagaStep, StepResult>({
    async run(set) {
      const results = await takeSteps(set);
      relay.wake();
      return results;
    },
    maxSize: stepBatchSize,
    isolates: (error) => !(error instanceof AppError && error.kind === 'unavailable'),
  });
  const takeStep = observeSagaSteps(steps.add, logger);
  const backoff = { initialMs: config.COMPENSATION_RETRY_MS, maximumMs: longestRetryMs };
  const attempt = createAttempts({ clock, backoff, limit: config.COMPENSATION_ATTEMPTS });
  const compensate = createCompensateOrder({ takeStep, gateway, attempt, failpoint });
  const processOrder = createProcessOrder({ takeStep, gateway, compensate, failpoint });
  const cancelOrder = createCancelOrder({ takeStep, compensate });
  const refundOrder = createRefundOrder({ sagas, takeStep, gateway, attempt, failpoint });
  const watchdog = createSagaWatchdog({
    sagas,
    drive: createDriveOverdueSaga({
      takeStep,
      processOrder,
      compensate,
      refundOrder,
      attempt: createAttempts({ clock, backoff, limit: config.SAGA_REDRIVES }),
    }),
    clock,
    intervalMs: config.WATCHDOG_INTERVAL_MS,
    logger,
  });

  const consuming = {
    url: config.AMQP_URL,
    retryDelaysMs: config.RETRY_DELAYS_MS,
    publisher,
    clock,
    failpoint,
    logger,
  };
  const handlers = createMessageHandlers({ processOrder, cancelOrder, refundOrder });
  const consumer = createConsumer({
    ...consuming,
    name: `${name} consumer`,
    queue: queues.orderCreated,
    concurrency: config.PROCESSOR_CONCURRENCY,
    handler: handlers[queues.orderCreated],
  });
  const requestsConsumer = createConsumer({
    ...consuming,
    name: `${name} requests consumer`,
    queue: queues.orderRequests,
    concurrency: config.REQUESTS_CONCURRENCY,
    handler: handlers[queues.orderRequests],
  });

  const workQueues = [queues.orderCreated, queues.orderRequests];
  const queueMeter = createQueueMeter({
    url: config.AMQP_URL,
    name: `${name} queue meter`,
    queues: [
      ...workQueues,
      ...workQueues.map(deadLetterQueueOf),
      ...config.RETRY_DELAYS_MS.map(retryQueueOf),
    ],
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

  const rateLimiter = createRateLimiter({ requests: config.RATE_LIMIT, windowMs: config.RATE_WINDOW_MS });
  const http = await createHttpServer({
    title: 'Processor Service',
    description: 'Looks after stock, and after the orders under way.',
    authenticate: createAuthenticate(config, logger),
    rateLimiter,
    logger,
  });
  const answeredRequests = createAnsweredRequests({ pool });
  answerOnce(http, { requests: answeredRequests, clock, ttlMs: config.IDEMPOTENCY_KEY_HOURS * 3_600_000 });
  const keyCleanup = createPeriodicWork({
    work: createForgetExpired({ records: [answeredRequests], clock }),
    intervalMs: keyCleanupIntervalMs,
    complaint: 'cannot delete expired idempotency keys',
    logger,
  });
  const health = registerHealth(
    http,
    {
      database: { required: true, probe: async () => (await pool.query('SELECT 1')).rowCount === 1 },
      broker: {
        required: true,
        probe: () => [publisher, deskPublisher, consumer, requestsConsumer].every((part) => part.isReady()),
      },
      payment: {
        required: false,
        probe: () => gateway.circuit() === 'closed',
        detail: () => ({ circuit: gateway.circuit() }),
      },
    },
    { relay, publisher, deskPublisher, consumer, requestsConsumer, watchdog, keyCleanup },
  );
  const audit = createAudit({ config, pool, isBrokerThere: publisher.isReady, clock, logger });
  registerInvariantsRoute(http, audit);
  registerStockRoutes(http, { stock });
  registerDeadLetterRoutes(http, desk);
  registerDeadLetterActionRoutes(http, { actions: desk.actions, background: replays });
  registerSagaRoutes(http, {
    readSagas: createReadSagas({ sagas }),
    resumeSaga: createResumeSaga({ sagas, takeSteps, clock }),
  });

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
      await http.listen({ host: config.HOST, port: config.PROCESSOR_HTTP_PORT });
      const { port } = http.server.address() as AddressInfo;
      return `http://${config.HOST}:${port}`;
    },
    async stop() {
      health.startDraining();
      const closeDoors = async () => {
        await sleep(config.SHUTDOWN_DELAY_MS);
        await http.close();
      };
      const disconnect = async () => {
        await prisma.$disconnect();
        await pool.end();
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
          { withinMs: letGoWithinMs, parts: { ...brokers, provider: provider.close, database: disconnect } },
        ],
        logger,
      );
    },
  };
}
