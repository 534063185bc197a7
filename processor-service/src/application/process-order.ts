import { AppError, type ErrorCode, toAppError } from '#shared/kernel/errors.ts';
import type { Failpoint } from '#shared/kernel/failpoints.ts';
import { paymentKeyOf, type Saga, type SagaEvent } from '../domain/saga.ts';
import type { PaymentGateway } from './ports/payment-gateway.ts';
import type { ProcessingRequest, SagaStep, StepResult } from './take-saga-steps.ts';

export interface ProcessOrder {
  /**
   * Drives the saga of an order to its end, from wherever it stands. Returning means that it has ended, in success or
   * for a business reason, and that the reply is in the outbox.
   *
   * @throws AppError when it has not: of kind `transient` or `unavailable` to be driven again, `permanent` when it was
   * given up and rests until somebody replays it.
   */
  process(request: ProcessingRequest): Promise<void>;
  /**
   * Ends a saga that cannot be driven to its end: no money stays taken, stock is released, the reply says `failed` and
   * `recoverable`. Answers `false` when there is nothing to give up because the saga has ended otherwise.
   */
  giveUp(request: ProcessingRequest, reason: AppError): Promise<boolean>;
  /** Takes up a saga that was left where it stands: drives it on, or finishes giving it up. */
  resume(saga: Saga): Promise<void>;
}

type Payment = Extract<SagaEvent, { type: 'paymentCaptured' | 'paymentDeclined' }>;

/** The saga: reserve, pay, confirm, and the way back. Every state it passes through is durable before the next step. */
export function createProcessOrder(dependencies: {
  takeStep: (step: SagaStep) => Promise<StepResult>;
  gateway: PaymentGateway;
  failpoint: Failpoint;
}): ProcessOrder {
  const { takeStep, gateway, failpoint } = dependencies;

  async function pay(saga: Saga, isResumed: boolean): Promise<Payment> {
    const { orderId, totalMinor: amountMinor, currency } = saga.order;
    const key = paymentKeyOf(saga);
    const known = isResumed ? await lookUp(key) : undefined;
    if (known) return known;
    failpoint('saga.before-charge');
    try {
      const charge = await gateway.charge({ key, orderId, amountMinor, currency });
      failpoint('saga.after-charge');
      return charge.outcome === 'captured' ? captured(charge.paymentId) : declined(charge.reason);
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'PAYMENT_OUTCOME_UNKNOWN') throw error;
      const outcome = await lookUp(key);
      if (outcome) return outcome;
      throw error;
    }
  }

  /** What the provider knows about a charge; `undefined` when it never heard of it. */
  async function lookUp(key: string): Promise<Payment | undefined> {
    const found = await gateway.lookup({ key });
    switch (found.outcome) {
      case 'captured':
        return captured(found.paymentId);
      case 'declined':
        return declined(found.reason);
      case 'absent':
        return undefined;
      case 'cancelled':
        throw new AppError({
          code: 'PAYMENT_PROTOCOL_ERROR',
          kind: 'permanent',
          message: `charge ${key} was cancelled while its saga waits for it`,
        });
      default:
        return found satisfies never;
    }
  }

  async function compensate(request: ProcessingRequest, saga: Saga): Promise<Saga> {
    await gateway.cancel({ key: paymentKeyOf(saga) });
    return (await takeStep({ request, event: { type: 'compensated' } })).saga;
  }

  async function process(request: ProcessingRequest): Promise<void> {
    const { saga, advanced } = await takeStep({ request, event: 'begin' });
    if (saga.state !== 'reserved') return refuseGivenUp(saga);
    try {
      await takeStep({ request, event: await pay(saga, !advanced) });
    } catch (error) {
      // Another copy of the message may have given the saga up meanwhile: then that is the reason.
      if (toAppError(error).kind === 'permanent') {
        refuseGivenUp((await takeStep({ request, event: 'begin' })).saga);
      }
      throw error;
    }
    failpoint('saga.after-settle');
  }

  return {
    process,

    async giveUp(request, reason) {
      const failure = { code: reason.code, message: reason.message, recoverable: true };
      let { saga } = await takeStep({ request, event: { type: 'gaveUp', failure } });
      if (saga.state === 'compensating') saga = await compensate(request, saga);
      return saga.state === 'failed' && saga.failure?.recoverable === true;
    },

    async resume(saga) {
      if (saga.state === 'compensating') await compensate(saga, saga);
      else await process(saga);
    },
  };
}

function captured(paymentId: string): Payment {
  return { type: 'paymentCaptured', paymentId };
}

function declined(reason: string): Payment {
  const failure = { code: 'PAYMENT_DECLINED', message: reason, recoverable: false };
  return { type: 'paymentDeclined', failure };
}

/** Throws the same error as when the saga was given up, so that its message goes where it went then. */
function refuseGivenUp(saga: Saga): void {
  const isGivenUp = saga.state === 'failed' && saga.failure?.recoverable === true;
  if (!isGivenUp && saga.state !== 'compensating') return;
  throw new AppError({
    code: (saga.failure?.code ?? 'INTERNAL') as ErrorCode,
    kind: 'permanent',
    message: saga.failure?.message ?? 'the saga was given up',
  });
}
