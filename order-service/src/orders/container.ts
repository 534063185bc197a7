import type { Clock } from '#shared/kernel/clock.ts';
import type { Failpoint } from '#shared/kernel/failpoints.ts';
import type { Logger } from '#shared/observability/logger.ts';
import { createRepeatMessages } from '#shared/outbox/repeat-messages.ts';
import type { createPool } from '#shared/postgres/pool.ts';
import { createPeriodicWork } from '#shared/process/periodic-work.ts';
import { createAnswerInquiries } from '../application/answer-inquiries.ts';
import { createAskAgain } from '../application/ask-again.ts';
import { createChangeOrder } from '../application/change-order.ts';
import { createFollowProcessing } from '../application/follow-processing.ts';
import type { RunOnce } from '../application/idempotency.ts';
import { createOrderUpdates } from '../application/order-updates.ts';
import { createPlaceOrder } from '../application/place-order.ts';
import { createReadOrders } from '../application/read-orders.ts';
import { createRecordOperatorAction } from '../application/record-operator-action.ts';
import { createWatchOrder } from '../application/watch-order.ts';
import type { OrderServiceConfig } from '../config.ts';
import { createAwaitedOrders } from '../infrastructure/postgres/awaited-orders.ts';
import { createOrderProgress } from '../infrastructure/postgres/order-progress.ts';
import { createOrderRepository } from '../infrastructure/postgres/order-repository.ts';
import type { createPrismaClient } from '../infrastructure/postgres/prisma-client.ts';

/** How late watchers learn of what other processes did, and how often the database is asked at most. */
const updatePauses = { pollIntervalMs: 500, shortestPauseMs: 50 };

const longestAskingPauseMs = 60_000;

/**
 * Puts together what can be done with orders, whoever asks for it.
 *
 * @param parts.wakeRelay called once there is something to publish
 */
export function createOrders(parts: {
  config: OrderServiceConfig;
  pool: ReturnType<typeof createPool>;
  prisma: ReturnType<typeof createPrismaClient>;
  runOnce: RunOnce;
  wakeRelay: () => void;
  clock: Clock;
  failpoint: Failpoint;
  logger: Logger;
}) {
  const { config, pool, prisma, runOnce, wakeRelay, clock, failpoint, logger } = parts;
  const orders = createOrderRepository({ pool, prisma });
  const orderUpdates = createOrderUpdates({
    progress: createOrderProgress({ pool }),
    maxWatchers: config.MAX_ORDER_WATCHERS,
    ...updatePauses,
    logger,
  });
  const announceChange = () => {
    wakeRelay();
    orderUpdates.look();
  };
  const readOrders = createReadOrders({ orders });
  const overdueMs = config.ANSWER_OVERDUE_MINUTES * 60_000;
  return {
    placeOrder: createPlaceOrder({ orders, runOnce, clock, failpoint, announce: wakeRelay }),
    changeOrder: createChangeOrder({ orders, runOnce, clock, failpoint, announce: announceChange }),
    readOrders,
    watchOrder: createWatchOrder({ readOrders, orderUpdates, clock }),
    followProcessing: createFollowProcessing({ orders, clock, announce: orderUpdates.look }),
    recordOperatorAction: createRecordOperatorAction({ orders }),
    answerInquiries: createAnswerInquiries({ orders }),
    askingAgain: createPeriodicWork({
      work: createAskAgain({
        orders: createAwaitedOrders({ pool }),
        repeat: createRepeatMessages({ pool, wakeRelay }),
        overdueMs,
        clock,
        logger,
      }),
      intervalMs: Math.min(overdueMs, longestAskingPauseMs),
      complaint: 'cannot ask again about orders without an answer',
      logger,
    }),
    letWatchersGo: orderUpdates.stop,
  };
}
