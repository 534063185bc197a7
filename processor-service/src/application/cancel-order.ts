import { type CompensateOrder, isToBeCompensated } from './compensate-order.ts';
import type { ProcessingRequest, SagaStep, StepResult } from './take-saga-steps.ts';

/**
 * Takes the customer's wish to cancel an order, at whatever moment it arrives: before the order itself, and the saga
 * begins cancelled; while a charge may be under way, and it is noted and undone; after the capture, and it is rejected.
 * Returning means that the wish and its consequences are durable, `duplicate` that they were so before; a compensation
 * that fails goes on by itself.
 */
export type CancelOrder = (request: ProcessingRequest) => Promise<'duplicate' | undefined>;

export function createCancelOrder(dependencies: {
  takeStep: (step: SagaStep) => Promise<StepResult>;
  compensate: CompensateOrder;
}): CancelOrder {
  const { takeStep, compensate } = dependencies;
  return async (request) => {
    const { saga, advanced } = await takeStep({ request, event: { type: 'cancelRequested' } });
    if (isToBeCompensated(saga)) await compensate(saga);
    return advanced ? undefined : 'duplicate';
  };
}
