import type { Failpoint } from '#shared/kernel/failpoints.ts';
import { paymentKeyOf, type Saga } from '../domain/saga.ts';
import type { SagaEvent } from '../domain/saga-events.ts';
import type { PaymentGateway } from './ports/payment-gateway.ts';
import type { AttemptFor } from './provider-attempts.ts';
import type { SagaStep, StepResult } from './take-saga-steps.ts';

/**
 * Tries once to undo the saga: makes sure that its charge holds no money and never will, then releases the stock. A
 * failed attempt is remembered by the saga, which the watchdog takes up again, or an operator. Any number of drivers
 * may do it at the same time. Answers the saga as it stands then.
 *
 * @throws AppError only when processor_db does not take the step.
 */
export type CompensateOrder = (saga: Saga) => Promise<Saga>;

export function createCompensateOrder(dependencies: {
  takeStep: (step: SagaStep) => Promise<StepResult>;
  gateway: PaymentGateway;
  attempt: AttemptFor;
  failpoint: Failpoint;
}): CompensateOrder {
  const { takeStep, gateway, attempt, failpoint } = dependencies;
  return async (saga) => {
    const { run } = saga;
    failpoint('saga.before-compensation');
    const step = async (event: SagaEvent): Promise<Saga> => (await takeStep({ request: saga, event })).saga;
    const cancelled = await attempt(saga, () => gateway.cancel({ key: paymentKeyOf(saga) }));
    failpoint('saga.after-compensation');
    // What the saga has undone may be more than the database can take note of: that counts as well.
    const attempted =
      cancelled.outcome === 'done'
        ? await attempt(saga, () => step({ type: 'compensated', run }))
        : cancelled;
    switch (attempted.outcome) {
      case 'done':
        return attempted.result;
      case 'failed':
        return step(attempted.event);
      case 'hopeless':
        return step({ type: 'stuck', run, trouble: attempted.trouble });
    }
  };
}

/** Whether the compensation is still to be tried for the first time; what failed before has its time in the saga. */
export function isToBeCompensated(saga: Saga): boolean {
  return saga.state === 'compensating' && saga.trouble === null;
}
