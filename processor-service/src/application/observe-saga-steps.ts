import { toAppError } from '#shared/kernel/errors.ts';
import type { Logger } from '#shared/observability/logger.ts';
import { traceIdOf } from '#shared/observability/trace-context.ts';
import { inSpan } from '#shared/observability/tracing.ts';
import { traceparentAtHand } from '#shared/observability/work-at-hand.ts';
import type { Saga, SagaState } from '../domain/saga.ts';
import type { SagaStep, StepResult } from './take-saga-steps.ts';

type TakeStep = (step: SagaStep) => Promise<StepResult>;

/** Where a saga rests until somebody wants something of it. */
const outcomes: ReadonlySet<SagaState> = new Set([
  'completed',
  'failed',
  'cancelled',
  'refunded',
  'needs_attention',
]);

/**
 * Takes each step in a span of its own, of which what the step announces is a part, and tells in one line how a saga
 * ends. Steps that change nothing have a span, too: that somebody asked is what a reader wants to see.
 */
export function observeSagaSteps(takeStep: TakeStep, logger: Logger): TakeStep {
  return ({ request, ...step }) => {
    const event = typeof step.event === 'string' ? step.event : step.event.type;
    const { orderId } = request.order;
    const description = {
      parent: traceparentAtHand() ?? request.traceparent,
      attributes: { 'oms.order.id': orderId, 'oms.saga.event': event },
    };
    /** The saga itself remembers less of what nobody foresaw. */
    const complain = (error: unknown): never => {
      if (toAppError(error).code === 'INTERNAL')
        logger.error({ orderId, event, err: error }, 'saga step cannot be taken');
      throw error;
    };
    return inSpan(`saga ${spanNames[event] ?? event}`, description, async (span) => {
      const { traceparent = request.traceparent } = span;
      const result = await takeStep({ ...step, request: { ...request, traceparent } }).catch(complain);
      const { saga, advanced } = result;
      span.set({ 'oms.saga.state': saga.state, 'oms.saga.run': saga.run, 'oms.saga.advanced': advanced });
      if (advanced && outcomes.has(saga.state)) logger.info(outcomeOf(saga, traceparent), 'saga ended');
      return result;
    });
  };
}

/** What the events are to somebody who thinks of a saga as reserve, pay, confirm. */
const spanNames: Readonly<Partial<Record<string, string>>> = {
  begin: 'reserve',
  paymentCaptured: 'confirm',
  paymentDeclined: 'release',
  compensated: 'compensate',
};

function outcomeOf(
  { order, state, run, failure, startedAt, updatedAt, correlationId }: Saga,
  traceparent: string,
) {
  return {
    orderId: order.orderId,
    correlationId,
    traceId: traceIdOf(traceparent),
    state,
    run,
    ...(failure ? { code: failure.code } : {}),
    durationMs: updatedAt.getTime() - startedAt.getTime(),
  };
}
