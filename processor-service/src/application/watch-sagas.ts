import type { Clock } from '#shared/kernel/clock.ts';
import { sleep } from '#shared/kernel/sleep.ts';
import type { Logger } from '#shared/observability/logger.ts';
import type { Saga } from '../domain/saga.ts';
import type { SagaRepository } from './ports/saga-repository.ts';
import type { ProcessOrder } from './process-order.ts';

export interface SagaWatchdog {
  start(): void;
  stop(): Promise<void>;
}

/** How long an overdue saga belongs to whoever took it up. */
const leaseMs = 30_000;
const atOnce = 20;

/**
 * Takes up sagas that are past their deadline, whatever became of the message that drove them.
 */
export function createSagaWatchdog(dependencies: {
  sagas: SagaRepository;
  processOrder: ProcessOrder;
  clock: Clock;
  intervalMs: number;
  logger: Logger;
}): SagaWatchdog {
  const { sagas, processOrder, clock, intervalMs, logger } = dependencies;
  const stopping = new AbortController();
  let running: Promise<void> | undefined;

  async function drive(saga: Saga): Promise<void> {
    const { orderId } = saga.order;
    logger.warn({ orderId, state: saga.state }, 'saga is past its deadline and is taken up again');
    try {
      await processOrder.resume(saga);
    } catch (error) {
      logger.error({ orderId, err: error }, 'overdue saga could not be driven on');
    }
  }

  async function look(): Promise<void> {
    const now = clock();
    const until = new Date(now.getTime() + leaseMs);
    const overdue = await sagas.takeOverdue({ now, until, limit: atOnce });
    await Promise.all(overdue.map(drive));
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      await look().catch((error: unknown) => logger.warn({ err: error }, 'cannot look for overdue sagas'));
      await sleep(intervalMs, stopping.signal);
    }
  }

  return {
    start() {
      running ??= run();
    },
    async stop() {
      stopping.abort();
      await running;
    },
  };
}
