import type { AddressInfo } from 'node:net';
import { PrismaPg } from '@prisma/adapter-pg';
import { queues } from '#shared/contracts/topology.ts';
import { registerHealth } from '#shared/http/health.ts';
import { createHttpServer } from '#shared/http/server.ts';
import { createBatcher } from '#shared/kernel/batcher.ts';
import { systemClock } from '#shared/kernel/clock.ts';
import { AppError } from '#shared/kernel/errors.ts';
import { createFailpoints } from '#shared/kernel/failpoints.ts';
import { createConsumer } from '#shared/messaging/consumer.ts';
import { createPublisher } from '#shared/messaging/publisher.ts';
import type { Logger } from '#shared/observability/logger.ts';
import { createRelay } from '#shared/outbox/relay.ts';
import { createPool } from '#shared/postgres/pool.ts';
import { createProcessOrder } from './application/process-order.ts';
import { createTakeSagaSteps, type SagaStep, type StepResult } from './application/take-saga-steps.ts';
import { createSagaWatchdog } from './application/watch-sagas.ts';
import type { ProcessorServiceConfig } from './config.ts';
import { createOrderCreatedHandler } from './consumers/order-created.ts';
import { registerStockRoutes } from './http/stock-routes.ts';
import { createHttpPaymentGateway } from './infrastructure/payment/http-payment-gateway.ts';
import { PrismaClient } from './infrastructure/postgres/generated/client.ts';
import { createSagaRepository } from './infrastructure/postgres/saga-repository.ts';
import { createStockRepository } from './infrastructure/postgres/stock-repository.ts';

const name = 'processor-service';
/** How many steps of sagas one transaction may carry. */
const stepBatchSize = 100;
/** A saga may use the whole retry ladder; past this on top of it, the watchdog looks after it. */
const deadlineMarginMs = 120_000;

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
  const prisma = new PrismaClient({ adapter: new PrismaPg(pool) });
  const sagas = createSagaRepository({ pool });
  const stock = createStockRepository({ pool, prisma });
  const gateway = createHttpPaymentGateway({
    baseUrl: config.PAYMENT_URL,
    timeoutMs: config.PAYMENT_TIMEOUT_MS,
    connections: config.PROCESSOR_CONCURRENCY,
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

  const takeSteps = createTakeSagaSteps({
    sagas,
    clock,
    deadlineMs:
      config.SAGA_DEADLINE_MS ??
      config.RETRY_DELAYS_MS.reduce((total, delay) => total + delay, deadlineMarginMs),
  });
  const steps = createBatcher<SagaStep, StepResult>({
    async run(set) {
      const results = await takeSteps(set);
      relay.wake();
      return results;
    },
    maxSize: stepBatchSize,
    isolates: (error) => !(error instanceof AppError && error.kind === 'unavailable'),
  });
  const processOrder = createProcessOrder({ takeStep: steps.add, gateway, failpoint });
  const watchdog = createSagaWatchdog({
    sagas,
    processOrder,
    clock,
    intervalMs: config.WATCHDOG_INTERVAL_MS,
    logger,
  });

  const consumer = createConsumer({
    url: config.AMQP_URL,
    name: `${name} consumer`,
    queue: queues.orderCreated,
    concurrency: config.PROCESSOR_CONCURRENCY,
    retryDelaysMs: config.RETRY_DELAYS_MS,
    handler: createOrderCreatedHandler({ processOrder }),
    publisher,
    clock,
    failpoint,
    logger,
  });

  const http = await createHttpServer({
    title: 'Processor Service',
    description: 'Looks after stock, and after the orders under way.',
    logger,
  });
  const health = registerHealth(http, {
    database: { required: true, probe: async () => (await pool.query('SELECT 1')).rowCount === 1 },
    broker: { required: true, probe: () => publisher.isReady() && consumer.isReady() },
  });
  registerStockRoutes(http, { stock });

  return {
    async start() {
      publisher.start();
      relay.start();
      consumer.start();
      watchdog.start();
      await http.listen({ host: config.HOST, port: config.PROCESSOR_HTTP_PORT });
      const { port } = http.server.address() as AddressInfo;
      return `http://${config.HOST}:${port}`;
    },
    async stop() {
      health.startDraining();
      await Promise.all([consumer.stop(), watchdog.stop()]);
      await relay.stop();
      await http.close();
      await publisher.stop();
      await gateway.close();
      await prisma.$disconnect();
      await pool.end();
    },
  };
}
