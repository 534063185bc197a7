import { AppError, type ErrorCode, toAppError } from '#shared/kernel/errors.ts';
import type { Failpoint } from '#shared/kernel/failpoints.ts';
import { inSpan } from '#shared/observability/tracing.ts';
import { isRecoverable, paymentKeyOf, type Saga } from '../domain/saga.ts';
import type { SagaEvent } from '../domain/saga-events.ts';
import { type CompensateOrder, isToBeCompensated } from './compensate-order.ts';
import type { PaymentGateway } from './ports/payment-gateway.ts';
import type { ProcessingRequest, SagaStep, StepResult } from './take-saga-steps.ts';

export interface ProcessOrder {
  /**
   * Drives the saga of an order as far as the request may take it, from wherever it stands. Returning means that the
   * message has done its work: the saga has ended and the reply is in the outbox, or the saga itself remembers what
   * it waits for. Answers `duplicate` when all that was so before.
   *
   * @throws AppError when it has not: of kind `transient` or `unavailable` to be driven again, `permanent` when it was
   * given up and rests until somebody replays it.
   */
  process(request: ProcessingRequest): Promise<'duplicate' | undefined>;
  /**
   * Gives up a saga that cannot be driven to its end: no money stays taken, stock is released, the reply says `failed`
   * and `recoverable`; at once, or as soon as the provider has confirmed it. Answers `false` when there is nothing to
   * give up because the saga has ended otherwise, or will.
   */
  giveUp(request: ProcessingRequest, reason: AppError): Promise<boolean>;
}

/** The clocks of those who send and those who receive may be apart by so much. */
const clockDifferenceMs = 5_000;

type Payment = Extract<SagaEvent, { type: 'paymentCaptured' | 'paymentDeclined' }>;

/** The saga: reserve, pay, confirm. Every state it passes through is durable before the next step. */
export function createProcessOrder(dependencies: {
  takeStep: (step: SagaStep) => Promise<StepResult>;
  gateway: PaymentGateway;
  compensate: CompensateOrder;
  failpoint: Failpoint;
}): ProcessOrder {
  const { takeStep, gateway, compensate, failpoint } = dependencies;

  async function pay(saga: Saga, isResumed: boolean): Promise<Payment> {
    const { orderId, totalMinor: amountMinor, currency } = saga.order;
    const key = paymentKeyOf(saga);
    const known = isResumed ? await lookUp(saga) : undefined;
    if (known) return known;
    failpoint('saga.before-charge');
    try {
      const charge = await gateway.charge({ key, orderId, amountMinor, currency });
      failpoint('saga.after-charge');
      return charge.outcome === 'captured' ? captured(saga, charge.paymentId) : declined(saga, charge.reason);
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'PAYMENT_OUTCOME_UNKNOWN') throw error;
      const outcome = await lookUp(saga);
      if (outcome) return outcome;
      throw error;
    }
  }

  /** What the provider knows about a charge; `undefined` when it never heard of it. */
  async function lookUp(saga: Saga): Promise<Payment | undefined> {
    const key = paymentKeyOf(saga);
    const found = await gateway.lookup({ key });
    switch (found.outcome) {
      case 'captured':
        return captured(saga, found.paymentId);
      case 'declined':
        return declined(saga, found.reason);
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

  /** The saga after its payment; somebody else may have brought it elsewhere meanwhile. */
  async function settle(request: ProcessingRequest, reserved: Saga, isResumed: boolean): Promise<Saga> {
    try {
      const event = await inSpan('saga pay', { attributes: { 'oms.order.id': reserved.order.orderId } }, () =>
        pay(reserved, isResumed),
      );
      return (await takeStep({ request, event })).saga;
    } catch (error) {
      if (toAppError(error).kind !== 'permanent') throw error;
      // The provider refuses a charge that was cancelled: then the saga was given up or cancelled, and that is why.
      const { saga } = await takeStep({ request, event: 'begin' });
      if (saga.state === 'reserved' && saga.run === reserved.run) throw error;
      return saga;
    }
  }

  async function process(request: ProcessingRequest): Promise<'duplicate' | undefined> {
    let { saga, advanced: isNew } = await takeStep({ request, event: 'begin' });
    const isDuplicate = !isNew && saga.state !== 'reserved';
    // Once, unless the run ended meanwhile and another one has begun.
    for (; saga.state === 'reserved'; isNew = false) {
      saga = await settle(request, saga, !isNew);
      failpoint('saga.after-settle');
      // Given up or cancelled during the charge: what was just taken goes back at once, whoever else sees to it.
      if (saga.state === 'compensating') saga = await compensate(saga);
    }
    leave(request, saga);
    return isDuplicate ? 'duplicate' : undefined;
  }

  return {
    process,

    async giveUp(request, reason) {
      const failure = { code: reason.code, message: reason.message, recoverable: true };
      let { saga } = await takeStep({
        request,
        event: { type: 'gaveUp', replays: request.replays, failure },
      });
      if (isToBeCompensated(saga)) saga = await compensate(saga);
      // A later replay has started it again: how that ends decides what becomes of this copy, too.
      if (saga.state === 'reserved' && saga.replays > request.replays) {
        throw busy('transient', 'a later run is under way');
      }
      return isRecoverable(saga) || isGivenUp(saga);
    },
  };
}

function captured({ run }: Saga, paymentId: string): Payment {
  return { type: 'paymentCaptured', run, paymentId };
}

function declined({ run }: Saga, reason: string): Payment {
  const failure = { code: 'PAYMENT_DECLINED', message: reason, recoverable: false };
  return { type: 'paymentDeclined', run, failure };
}

/** Whether it is being undone and will have failed then; one that is being cancelled is nothing to replay. */
function isGivenUp({ state, cancelRequested }: Saga): boolean {
  return (state === 'compensating' || state === 'needs_attention') && !cancelRequested;
}

/**
 * Returns when there is nothing left to do for a message. Otherwise it throws: what sends the message where it went when
 * its saga was given up, or lets a replay wait until that saga has been undone. One that was sent later only asks what
 * became of the order.
 */
function leave(request: ProcessingRequest, saga: Saga): void {
  if (!isRecoverable(saga) && !isGivenUp(saga)) return;
  if (request.replays > saga.replays) {
    if (saga.state !== 'needs_attention') throw busy('transient', 'the last run is being undone');
    throw busy('permanent', 'the last run cannot be undone without an operator');
  }
  if (isAskedAgain(request, saga)) return;
  throw new AppError({
    code: (saga.failure?.code ?? 'INTERNAL') as ErrorCode,
    kind: 'permanent',
    message: saga.failure?.message ?? 'the saga was given up',
  });
}

/** Whether the message was sent when its saga had been given up already: then another one rests for it, or did. */
function isAskedAgain({ sentAt }: ProcessingRequest, { updatedAt }: Saga): boolean {
  return sentAt !== undefined && sentAt.getTime() > updatedAt.getTime() + clockDifferenceMs;
}

function busy(kind: 'transient' | 'permanent', message: string): AppError {
  return new AppError({ code: 'SAGA_BUSY', kind, message });
}
