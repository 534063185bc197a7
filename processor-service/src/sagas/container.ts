import { createBatcher } from '#shared/kernel/batcher.ts';
import type { Clock } from '#shared/kernel/clock.ts';
import { AppError } from '#shared/kernel/errors.ts';
import type { Failpoint } from '#shared/kernel/failpoints.ts';
import type { Logger } from '#shared/observability/logger.ts';
import { createRepeatMessages } from '#shared/outbox/repeat-messages.ts';
import type { createPool } from '#shared/postgres/pool.ts';
import { createAnswerAgain } from '../application/answer-again.ts';
import { createCancelOrder } from '../application/cancel-order.ts';
import { createCompensateOrder } from '../application/compensate-order.ts';
import { observeSagaSteps } from '../application/observe-saga-steps.ts';
import type { PaymentGateway } from '../application/ports/payment-gateway.ts';
import { createProcessOrder } from '../application/process-order.ts';
import { createAttempts } from '../application/provider-attempts.ts';
import { createReadSagas } from '../application/read-sagas.ts';
import { createRefundOrder } from '../application/refund-order.ts';
import { createResumeSaga } from '../application/resume-saga.ts';
import { createTakeSagaSteps, type SagaStep, type StepResult } from '../application/take-saga-steps.ts';
import { createDriveOverdueSaga, createSagaWatchdog } from '../application/watch-sagas.ts';
import { type ProcessorServiceConfig, patienceOf } from '../config.ts';
import { measureSagas } from '../infrastructure/postgres/saga-metrics.ts';
import { createSagaRepository } from '../infrastructure/postgres/saga-repository.ts';

/** How many steps of sagas one transaction may carry. */
const stepBatchSize = 100;
/** The longest that giving money back waits for its next attempt. */
const longestRetryMs = 600_000;

/**
 * Puts together what moves sagas: messages, operators, and the watchdog when nobody else does.
 *
 * @param parts.announce called once there is something for the relay to publish
 */
export function createSagas(parts: {
  config: ProcessorServiceConfig;
  pool: ReturnType<typeof createPool>;
  gateway: PaymentGateway;
  announce: () => void;
  clock: Clock;
  failpoint: Failpoint;
  logger: Logger;
}) {
  const { config, pool, gateway, announce, clock, failpoint, logger } = parts;
  const sagas = measureSagas(createSagaRepository({ pool }));

  const takeSteps = createTakeSagaSteps({ sagas, clock, patience: patienceOf(config) });
  const steps = createBatcher<SagaStep, StepResult>({
    async run(set) {
      const results = await takeSteps(set);
      announce();
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
  const refundOrder = createRefundOrder({ sagas, takeStep, gateway, attempt, failpoint });
  const answerAgain = createAnswerAgain({ repeat: createRepeatMessages({ pool, wakeRelay: announce }) });
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
  return {
    processOrder: {
      ...processOrder,
      process: answerAgain(processOrder.process, ({ order }) => order.orderId),
    },
    cancelOrder: answerAgain(createCancelOrder({ takeStep, compensate }), ({ order }) => order.orderId),
    refundOrder: { ...refundOrder, request: answerAgain(refundOrder.request, ({ orderId }) => orderId) },
    readSagas: createReadSagas({ sagas }),
    resumeSaga: createResumeSaga({ sagas, takeSteps, clock }),
    watchdog,
  };
}
