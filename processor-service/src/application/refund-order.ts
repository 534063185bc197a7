import { AppError } from '#shared/kernel/errors.ts';
import type { Failpoint } from '#shared/kernel/failpoints.ts';
import { openRefundsOf, type Refund, refundKeyOf, type Saga } from '../domain/saga.ts';
import type { SagaEvent } from '../domain/saga-events.ts';
import type { PaymentGateway } from './ports/payment-gateway.ts';
import type { SagaRepository } from './ports/saga-repository.ts';
import type { AttemptFor } from './provider-attempts.ts';
import type { SagaStep, StepResult } from './take-saga-steps.ts';

export interface RefundRequest extends Pick<Refund, 'id' | 'amountMinor' | 'reason'> {
  readonly orderId: string;
  readonly currency: string;
  readonly correlationId: string;
  readonly traceparent: string;
}

export interface RefundOrder {
  /**
   * Takes the wish for a refund; the same id again has no effect. Returning means that the wish, or its rejection, is
   * durable, `duplicate` that it was so before; a refund that fails goes on by itself.
   *
   * @throws AppError `SAGA_NOT_FOUND` for an order that was never processed, `MALFORMED_MESSAGE` for another currency.
   */
  request(request: RefundRequest): Promise<'duplicate' | undefined>;
  /** Gives back what is owed, one refund after the other, until all are done or one fails. */
  settle(saga: Saga): Promise<void>;
}

export function createRefundOrder(dependencies: {
  sagas: Pick<SagaRepository, 'find'>;
  takeStep: (step: SagaStep) => Promise<StepResult>;
  gateway: PaymentGateway;
  attempt: AttemptFor;
  failpoint: Failpoint;
}): RefundOrder {
  const { sagas, takeStep, gateway, attempt, failpoint } = dependencies;

  async function settleOne(saga: Saga, { id: refundId, amountMinor }: Refund): Promise<Saga> {
    const { paymentId } = saga;
    const key = refundKeyOf(saga, refundId);
    if (paymentId === null) throw new Error(`saga ${saga.order.orderId} has a refund and no payment`);
    failpoint('saga.before-refund');
    const step = async (event: SagaEvent): Promise<Saga> => (await takeStep({ request: saga, event })).saga;
    const attempted = await attempt(saga, async () => {
      await gateway.refund({ paymentId, key, amountMinor });
      failpoint('saga.after-refund');
      return step({ type: 'refundSettled', refundId });
    });
    if (attempted.outcome === 'done') return attempted.result;
    return step(
      attempted.outcome === 'failed'
        ? attempted.event
        : { type: 'refundStuck', refundId, trouble: attempted.trouble },
    );
  }

  async function settle(saga: Saga): Promise<void> {
    for (let current = saga; current.trouble === null || current === saga; ) {
      const [next] = openRefundsOf(current);
      if (!next) return;
      current = await settleOne(current, next);
    }
  }

  return {
    async request({ orderId, currency, correlationId, traceparent, ...refund }) {
      const found = await sagas.find(orderId);
      if (!found) {
        const message = `order ${orderId} was never processed`;
        throw new AppError({ code: 'SAGA_NOT_FOUND', kind: 'permanent', message });
      }
      if (found.order.currency !== currency) {
        const message = `order ${orderId} was not paid in ${currency}`;
        throw new AppError({ code: 'MALFORMED_MESSAGE', kind: 'permanent', message });
      }
      const request = { ...found, correlationId, traceparent };
      const { saga, advanced } = await takeStep({ request, event: { type: 'refundRequested', refund } });
      // After a failed attempt the saga knows when the next one is due.
      if (saga.trouble === null) await settle(saga);
      return advanced ? undefined : 'duplicate';
    },
    settle,
  };
}
