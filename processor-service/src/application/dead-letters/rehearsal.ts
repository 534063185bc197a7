import type { WorkQueueName } from '#shared/contracts/topology.ts';
import type { Clock } from '#shared/kernel/clock.ts';
import { type AppError, toAppError } from '#shared/kernel/errors.ts';
import { noFailpoints } from '#shared/kernel/failpoints.ts';
import { disposeOf } from '#shared/messaging/failure-policy.ts';
import type { IncomingMessage } from '#shared/messaging/message.ts';
import type { MessageHandler } from '#shared/messaging/message-handler.ts';
import type { Saga, SagaState } from '../../domain/saga.ts';
import type { Stock, StockBySku } from '../../domain/stock.ts';
import { type CancelOrder, createCancelOrder } from '../cancel-order.ts';
import { createCompensateOrder } from '../compensate-order.ts';
import type { PaymentGateway } from '../ports/payment-gateway.ts';
import type { SagaRepository } from '../ports/saga-repository.ts';
import { createProcessOrder, type ProcessOrder } from '../process-order.ts';
import { createAttempts } from '../provider-attempts.ts';
import { createRefundOrder, type RefundOrder } from '../refund-order.ts';
import { createTakeSagaSteps, type SagaStep } from '../take-saga-steps.ts';
import { destinationOf } from './destination.ts';

/** Where the play ends. */
export type RehearsalEnd =
  /** The message is done. */
  | { readonly end: 'done' }
  /** What happens next is for the payment provider to say. */
  | { readonly end: 'asks'; readonly call: keyof PaymentGateway }
  /** Up the ladder, to be tried again. */
  | { readonly end: 'retried'; readonly error: AppError }
  /** Back to the dead letters. */
  | { readonly end: 'parked'; readonly error: AppError };

/** `none` where there is no saga yet. */
export type PossibleState = SagaState | 'none';

export type Rehearsed = RehearsalEnd & {
  /** Where the saga stands, and one for each change to it, which may leave it in the same state. */
  readonly states: readonly PossibleState[];
  /** The saga after that. */
  readonly saga: Saga | undefined;
};

/** Plays through what the replay of a message would do, by the real consumer on a copy of the saga. Changes nothing. */
export type Rehearse = (
  message: IncomingMessage,
  known: { saga: Saga | undefined; stock: StockBySku },
) => Promise<Rehearsed>;

/** Makes the handlers of the service's consumers, by their queues, out of the use cases they feed. */
export type HandlersOf = (useCases: {
  processOrder: ProcessOrder;
  cancelOrder: CancelOrder;
  refundOrder: RefundOrder;
}) => Readonly<Partial<Record<WorkQueueName, MessageHandler>>>;

export function createRehearse(dependencies: { handlersOf: HandlersOf; clock: Clock }): Rehearse {
  const { handlersOf, clock } = dependencies;
  return async (message, { saga, stock }) => {
    const queue = destinationOf(message);
    const stage = new Stage(saga, stock);
    const handler = queue && handlersOf(stage.useCases(clock))[queue];
    if (!handler) throw new Error(`no consumer of this service takes ${message.routingKey}`);
    const replayed = { ...message, queue, failedAttempts: 0, replayCount: message.replayCount + 1 };
    const end = await Promise.race([handle(handler, replayed), stage.asksProvider]);
    return { ...end, ...stage.played() };
  };
}

/** As the consumer does it. */
async function handle(handler: MessageHandler, message: IncomingMessage): Promise<RehearsalEnd> {
  try {
    await handler.handle(message);
    return { end: 'done' };
  } catch (thrown) {
    const error = toAppError(thrown);
    if (disposeOf(error, message.failedAttempts, [1]).action !== 'park') return { end: 'retried', error };
    const isDone = (await handler.giveUp?.(message, error)) === 'done';
    return isDone ? { end: 'done' } : { end: 'parked', error };
  }
}

/** One saga that forgets when the play is over, and a provider at whose door the play ends. */
class Stage {
  readonly asksProvider: Promise<RehearsalEnd>;
  readonly #gateway: PaymentGateway;
  readonly #stock: Map<string, Stock>;
  readonly #states: PossibleState[];
  #saga: Saga | undefined;

  constructor(saga: Saga | undefined, stock: StockBySku) {
    this.#saga = saga;
    this.#stock = new Map(stock);
    this.#states = [saga?.state ?? 'none'];
    const asked = Promise.withResolvers<RehearsalEnd>();
    this.asksProvider = asked.promise;
    const ask = (call: keyof PaymentGateway) => (): Promise<never> => {
      asked.resolve({ end: 'asks', call });
      return new Promise(() => undefined);
    };
    this.#gateway = {
      charge: ask('charge'),
      lookup: ask('lookup'),
      cancel: ask('cancel'),
      refund: ask('refund'),
    };
  }

  useCases(clock: Clock) {
    const sagas = this.#sagas();
    const gateway = this.#gateway;
    const failpoint = noFailpoints;
    const takeSteps = createTakeSagaSteps({
      sagas,
      clock,
      patience: { processingMs: 0, paymentWindowMs: 0, handsOnMs: 0 },
    });
    const takeStep = async (step: SagaStep) => {
      const [result] = await takeSteps([step]);
      if (!result) throw new Error('a step has a result');
      return result;
    };
    const attempt = createAttempts({ clock, backoff: { initialMs: 0, maximumMs: 0 }, limit: 1 });
    const compensate = createCompensateOrder({ takeStep, gateway, attempt, failpoint });
    return {
      processOrder: createProcessOrder({ takeStep, gateway, compensate, failpoint }),
      cancelOrder: createCancelOrder({ takeStep, compensate }),
      refundOrder: createRefundOrder({ sagas, takeStep, gateway, attempt, failpoint }),
    };
  }

  played(): Pick<Rehearsed, 'states' | 'saga'> {
    return { states: [...this.#states], saga: this.#saga };
  }

  #sagas(): Pick<SagaRepository, 'change' | 'find'> {
    return {
      find: async () => this.#saga,
      change: async (_, decide) => {
        const saga = this.#saga;
        const changes = decide(new Map(saga ? [[saga.order.orderId, saga]] : []), this.#stock);
        for (const counts of changes.stock) this.#stock.set(counts.sku, counts);
        for (const changed of [...changes.created, ...changes.updated]) {
          this.#states.push(changed.state);
          this.#saga = changed;
        }
        return changes.result;
      },
    };
  }
}
