import type { Clock } from '#shared/kernel/clock.ts';
import type { Logger } from '#shared/observability/logger.ts';
import { inSpan } from '#shared/observability/tracing.ts';
import { beginWork } from '#shared/observability/work-at-hand.ts';
import { createPeriodicWork, type PeriodicWork } from '#shared/process/periodic-work.ts';
import type { Saga } from '../domain/saga.ts';
import type { CompensateOrder } from './compensate-order.ts';
import type { SagaRepository } from './ports/saga-repository.ts';
import type { ProcessOrder } from './process-order.ts';
import type { AttemptFor } from './provider-attempts.ts';
import type { RefundOrder } from './refund-order.ts';
import type { SagaStep, StepResult } from './take-saga-steps.ts';

/** How long an overdue saga belongs to whoever took it up. */
const leaseMs = 30_000;
const atOnce = 50;

/** Does for one saga what is overdue. @throws AppError when processor_db is away, or what it was given throws. */
export type DriveOverdueSaga = (saga: Saga) => Promise<void>;

/** Whatever became of the message that drove it: its state says what comes next. */
export function createDriveOverdueSaga(dependencies: {
  takeStep: (step: SagaStep) => Promise<StepResult>;
  processOrder: ProcessOrder;
  compensate: CompensateOrder;
  refundOrder: RefundOrder;
  /** Allows for as many attempts as a saga without its message gets. */
  attempt: AttemptFor;
}): DriveOverdueSaga {
  const { takeStep, processOrder, compensate, refundOrder, attempt } = dependencies;

  async function processAgain(saga: Saga): Promise<void> {
    const attempted = await attempt(saga, () => processOrder.process(saga));
    if (attempted.outcome === 'failed') await takeStep({ request: saga, event: attempted.event });
    if (attempted.outcome === 'hopeless') await processOrder.giveUp(saga, attempted.error);
  }

  return async (saga) => {
    const { state, run } = saga;
    switch (state) {
      case 'awaiting_payment': {
        const message = 'the payment was not asked for in time';
        const failure = { code: 'PAYMENT_EXPIRED', message, recoverable: false };
        await takeStep({ request: saga, event: { type: 'paymentExpired', run, failure } });
        return;
      }
      case 'started':
      case 'reserved':
        return processAgain(saga);
      case 'compensating':
        await compensate(saga);
        return;
      case 'completed':
        return refundOrder.settle(saga);
      case 'needs_attention':
      case 'failed':
      case 'cancelled':
      case 'refunded':
        return;
      default:
        return state satisfies never;
    }
  };
}

/** Takes up sagas that are past their deadline. */
export function createSagaWatchdog(dependencies: {
  sagas: Pick<SagaRepository, 'takeOverdue'>;
  drive: DriveOverdueSaga;
  clock: Clock;
  intervalMs: number;
  logger: Logger;
}): PeriodicWork {
  const { sagas, drive, clock, intervalMs, logger } = dependencies;

  async function driveOne(saga: Saga): Promise<void> {
    const { state, attempts, trouble } = saga;
    // Who lets the time to pay pass is no incident: how his saga ends is told as of any other.
    if (state !== 'awaiting_payment')
      logger.warn({ state, attempts, trouble }, 'saga is past its deadline and is taken up again');
    try {
      await inSpan('saga take up', { attributes: { 'oms.order.id': saga.order.orderId } }, () => drive(saga));
    } catch (error) {
      logger.error({ err: error }, 'overdue saga could not be driven on');
    }
  }

  /** Part of what its order set off, however long ago. */
  function driveAsItsOrder(saga: Saga): Promise<void> {
    const { order, correlationId, traceparent } = saga;
    return beginWork({ orderId: order.orderId, correlationId }, traceparent, () => driveOne(saga));
  }

  /** Whether there may be more. */
  async function look(): Promise<boolean> {
    const now = clock();
    const until = new Date(now.getTime() + leaseMs);
    const overdue = await sagas.takeOverdue({ now, until, limit: atOnce });
    await Promise.all(overdue.map(driveAsItsOrder));
    return overdue.length === atOnce;
  }

  return createPeriodicWork({
    work: look,
    intervalMs,
    complaint: 'cannot look for overdue sagas',
    logger,
  });
}
