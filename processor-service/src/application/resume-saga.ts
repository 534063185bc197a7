import type { OrderMessageOf } from '#shared/contracts/order-events.ts';
import type { Clock } from '#shared/kernel/clock.ts';
import { AppError } from '#shared/kernel/errors.ts';
import { newId } from '#shared/kernel/ids.ts';
import { toOutboxRow } from '#shared/outbox/outbox-message.ts';
import type { Saga } from '../domain/saga.ts';
import type { SagaRepository } from './ports/saga-repository.ts';
import { sagaNotFound } from './read-sagas.ts';
import type { SagaStep, StepResult } from './take-saga-steps.ts';

export interface ResumeRequest {
  readonly orderId: string;
  /** Who says that the cause is repaired. */
  readonly operator: string;
  readonly reason?: string | undefined;
}

/**
 * Lets a saga go on that waits for a person: its compensation, its refunds, or another run after a recoverable failure
 * whose message is gone. The watchdog takes it up within its interval. The step, its line in the audit and the message
 * for the order's timeline are one transaction.
 *
 * @throws AppError `SAGA_NOT_FOUND`, `SAGA_NOT_RESUMABLE`, `DATABASE_UNAVAILABLE`.
 */
export type ResumeSaga = (request: ResumeRequest) => Promise<Saga>;

export function createResumeSaga(dependencies: {
  sagas: Pick<SagaRepository, 'find'>;
  takeSteps: (steps: readonly SagaStep[]) => Promise<readonly StepResult[]>;
  clock: Clock;
}): ResumeSaga {
  const { sagas, takeSteps, clock } = dependencies;
  return async (request) => {
    const found = await sagas.find(request.orderId);
    if (!found) throw sagaNotFound(request.orderId);
    const { orderId, operator, reason } = request;
    const announce = (action: number) => toOutboxRow(operatorActed(found, request, action, clock()));
    const resumption = { orderId, operator, reason, announce };
    const [result] = await takeSteps([{ request: found, event: 'resume', resumption }]);
    if (!result?.advanced) throw notResumable(result?.saga ?? found);
    return result.saga;
  };
}

function operatorActed(
  saga: Saga,
  { operator, reason }: ResumeRequest,
  action: number,
  now: Date,
): OrderMessageOf<'order.operator_acted.v1'> {
  return {
    specversion: '1.0',
    id: newId(),
    source: '/processor-service',
    type: 'order.operator_acted.v1',
    subject: saga.order.orderId,
    time: now.toISOString(),
    datacontenttype: 'application/json',
    sequence: action,
    correlationid: saga.correlationId,
    traceparent: saga.traceparent,
    data: { action: 'resumed', operator, ...(reason === undefined ? {} : { reason }) },
  };
}

function notResumable({ order, state }: Saga): AppError {
  return new AppError({
    code: 'SAGA_NOT_RESUMABLE',
    kind: 'rejected',
    message: `the saga of order ${order.orderId} is ${state} and waits for nobody; possible are sagas that need attention, completed ones with a refund that does, and recoverable failures`,
    data: { allowed: ['needs_attention', 'completed', 'failed'] },
  });
}
