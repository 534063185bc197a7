import { AppError, toAppError } from '#shared/kernel/errors.ts';
import { noFailpoints } from '#shared/kernel/failpoints.ts';
import type { Saga } from '../../domain/saga.ts';
import type { Stock } from '../../domain/stock.ts';
import { createCancelOrder } from '../cancel-order.ts';
import { createCompensateOrder } from '../compensate-order.ts';
import { createProcessOrder } from '../process-order.ts';
import { createAttempts } from '../provider-attempts.ts';
import { createRefundOrder, type RefundRequest } from '../refund-order.ts';
import { createResumeSaga } from '../resume-saga.ts';
import { createTakeSagaSteps, type ProcessingRequest, type SagaStep } from '../take-saga-steps.ts';
import { createDriveOverdueSaga } from '../watch-sagas.ts';
import { createMemorySagas, type MemorySagas } from './memory-sagas.ts';
import { type CallFate, createSimulatedProvider, type SimulatedProvider } from './simulated-provider.ts';

/** A message that is delivered until it is acknowledged or parked, and perhaps once more. */
export type Message =
  | { readonly kind: 'process'; readonly request: ProcessingRequest }
  | { readonly kind: 'cancel'; readonly request: ProcessingRequest }
  | { readonly kind: 'refund'; readonly request: RefundRequest };

interface Letter {
  readonly message: Message;
  readonly replays: number;
  failures: number;
}

/** One activity that can die alone: a delivery, or a look of the watchdog. */
interface Driver {
  readonly letter: Letter | undefined;
  alive: boolean;
}

/** Something a driver waits for: a call of the provider or a transaction, which goes on as it is told. */
interface Parked {
  readonly driver: Driver;
  readonly isCall: boolean;
  readonly proceed: (fate: CallFate) => void;
}

const rungs = 3;
const patience = { processingMs: 100_000, paymentWindowMs: 300_000, handsOnMs: 10_000 };

/**
 * The application as it runs in any number of processes, in a world that the caller moves step by step: which activity
 * goes on, how its call ends, what is delivered, what dies, what time it is. Everything between two such points runs
 * as it does in production.
 */
export class SimulatedWorld {
  readonly sagas: MemorySagas;
  readonly provider: SimulatedProvider;
  /** Waiting in their queue. */
  readonly queue: Letter[];
  readonly dead: Letter[] = [];
  readonly parked: Parked[] = [];
  /** What some activity ended in and must not. */
  readonly unforeseen: unknown[] = [];
  #now = Date.UTC(2026, 0, 1);

  constructor(
    messages: readonly Message[],
    stock: readonly Stock[],
    isDeclined: (orderId: string) => boolean,
  ) {
    this.sagas = createMemorySagas(stock);
    this.provider = createSimulatedProvider(isDeclined);
    this.queue = messages.map((message) => ({ message, replays: 0, failures: 0 }));
  }

  readonly #clock = (): Date => new Date(this.#now);

  /** The same message once more, as a relay sends it that died before it marked it. */
  duplicate(message: Message): void {
    this.queue.push({ message, replays: 0, failures: 0 });
  }

  /** Hands out a message of the queue; it comes again if its driver dies or fails. */
  deliver(index: number): void {
    const [letter] = this.queue.splice(index, 1);
    if (letter) void this.#handle(letter);
  }

  /** The watchdog looks, so much later. */
  look(afterMs: number): void {
    this.#now += afterMs;
    const now = this.#clock();
    const until = new Date(this.#now + 30_000);
    void this.sagas.takeOverdue({ now, until, limit: 20 }).then((overdue) => {
      for (const saga of overdue) {
        const driver: Driver = { letter: undefined, alive: true };
        void this.#useCases(driver)
          .driveOverdue(saga)
          .catch((error: unknown) => this.#expected(error));
      }
    });
  }

  /** An operator sends a dead letter back. */
  replay(index: number): void {
    const [letter] = this.dead.splice(index, 1);
    if (letter) this.queue.push({ message: letter.message, replays: letter.replays + 1, failures: 0 });
  }

  /** An operator resumes a saga; `false` when it waits for nobody. */
  async resume(orderId: string): Promise<boolean> {
    const takeSteps = createTakeSagaSteps({ sagas: this.sagas, clock: this.#clock, patience });
    const resumeSaga = createResumeSaga({ sagas: this.sagas, takeSteps, clock: this.#clock });
    return resumeSaga({ orderId, operator: 'ada' }).then(
      () => true,
      () => false,
    );
  }

  /** Ends an activity where it stands; its message comes again. */
  crash(driver: Driver): void {
    driver.alive = false;
    for (const each of this.parked.filter((waiting) => waiting.driver === driver)) {
      this.parked.splice(this.parked.indexOf(each), 1);
    }
    if (driver.letter) this.queue.push(driver.letter);
  }

  proceed(index: number, fate: CallFate): void {
    this.parked.splice(index, 1)[0]?.proceed(fate);
  }

  #park(driver: Driver, isCall: boolean): Promise<CallFate> {
    return new Promise((proceed) => {
      if (driver.alive) this.parked.push({ driver, isCall, proceed });
    });
  }

  async #handle(letter: Letter): Promise<void> {
    const driver: Driver = { letter, alive: true };
    const { message } = letter;
    const useCases = this.#useCases(driver);
    const request = (): ProcessingRequest =>
      ({ ...message.request, replays: letter.replays }) as ProcessingRequest;
    try {
      if (message.kind === 'process') await useCases.processOrder.process(request());
      else if (message.kind === 'cancel') await useCases.cancelOrder(message.request);
      else await useCases.refundOrder.request(message.request);
    } catch (thrown) {
      const error = this.#expected(thrown);
      letter.failures += error.kind === 'unavailable' ? 0 : 1;
      const isGivenUp = error.kind === 'permanent' || letter.failures > rungs;
      if (!isGivenUp) this.queue.push(letter);
      else if (message.kind !== 'process') this.dead.push(letter);
      else await this.#giveUp(letter, () => useCases.processOrder.giveUp(request(), error));
    }
  }

  async #giveUp(letter: Letter, giveUp: () => Promise<boolean>): Promise<void> {
    try {
      if (await giveUp()) this.dead.push(letter);
    } catch (error) {
      this.#expected(error);
      this.queue.push(letter);
    }
  }

  /** Errors of our own are part of the play; anything else is a bug that the run must not swallow. */
  #expected(thrown: unknown): AppError {
    if (!(thrown instanceof AppError)) this.unforeseen.push(thrown);
    return toAppError(thrown);
  }

  #useCases(driver: Driver) {
    const { sagas } = this;
    const clock = this.#clock;
    const takeSteps = createTakeSagaSteps({ sagas, clock, patience });
    const takeStep = async (step: SagaStep) => {
      const fate = await this.#park(driver, false);
      if (fate === 'not sent' || fate === 'unreachable') throw databaseIsAway();
      const [result] = await takeSteps([step]);
      if (fate === 'done and slow to answer') await this.#park(driver, false);
      if (!result) throw new Error('a step has a result');
      return result;
    };
    const gateway = this.provider.gatewayFor(
      () => this.#park(driver, true),
      async () => {
        await this.#park(driver, false);
      },
    );
    const backoff = { initialMs: 1_000, maximumMs: 60_000 };
    const attempt = createAttempts({ clock, backoff, limit: 4 });
    const failpoint = noFailpoints;
    const compensate = createCompensateOrder({ takeStep, gateway, attempt, failpoint });
    const processOrder = createProcessOrder({ takeStep, gateway, compensate, failpoint });
    const refundOrder = createRefundOrder({ sagas, takeStep, gateway, attempt, failpoint });
    return {
      processOrder,
      refundOrder,
      cancelOrder: createCancelOrder({ takeStep, compensate }),
      driveOverdue: createDriveOverdueSaga({ takeStep, processOrder, compensate, refundOrder, attempt }),
    };
  }
}

/** Lets everything run until it waits for the world again. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

export function hasEnded({ state, refunds }: Saga): boolean {
  const owes = refunds.some((refund) => refund.state === 'requested' || refund.state === 'needs_attention');
  return ['completed', 'failed', 'cancelled', 'refunded'].includes(state) && !owes;
}

function databaseIsAway(): AppError {
  return new AppError({ code: 'DATABASE_UNAVAILABLE', kind: 'unavailable', message: 'away' });
}
