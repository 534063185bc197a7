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
 * @throws AppError only when processor_db takes note of nothing, not even of the failed attempt.
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
    // The database may refuse to take note of what is undone, as with stock that is not there: that is a failed attempt, too.
    const attempted = await attempt(saga, async () => {
      await gateway.cancel({ key: paymentKeyOf(saga) });
      failpoint('saga.after-compensation');
      return step({ type: 'compensated', run });
    });
    if (attempted.outcome === 'done') return attempted.result;
    return step(
      attempted.outcome === 'failed' ? attempted.event : { type: 'stuck', run, trouble: attempted.trouble },
    );
  };
}

/** Whether the compensation is still to be tried for the first time; what failed before has its time in the saga. */
export function isToBeCompensated(saga: Saga): boolean {
  return saga.state === 'compensating' && saga.trouble === null;
}
