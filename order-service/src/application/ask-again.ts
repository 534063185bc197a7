import type { Clock } from '#shared/kernel/clock.ts';
import { firstIdAt } from '#shared/kernel/ids.ts';
import type { Logger } from '#shared/observability/logger.ts';
import type { RepeatMessages } from '#shared/outbox/repeat-messages.ts';
import type { AwaitedOrders } from './ports/awaited-orders.ts';

const pageSize = 1_000;
/** In one turn: behind a processor-service that is away, everything waits. */
const mostRepetitions = 100;
const beforeAll = firstIdAt(0);

/**
 * Repeats what was said about orders on which the processor-service has been silent for too long. A message may have been
 * lost on its way to a work queue, or the answer on its way back; whoever is asked again answers again. Each silence
 * doubles the time until the next repetition, as long as the outbox keeps the messages.
 *
 * One call looks at one page of orders, and answers whether to go on at once.
 */
export function createAskAgain(dependencies: {
  orders: AwaitedOrders;
  repeat: RepeatMessages;
  overdueMs: number;
  clock: Clock;
  logger: Logger;
}): () => Promise<boolean> {
  const { orders, repeat, overdueMs, clock, logger } = dependencies;
  let after = beforeAll;
  return async () => {
    const until = firstIdAt(clock().getTime() - overdueMs);
    const page = await orders.next({ after, until, limit: pageSize, overdueMs });
    const due = page.filter(({ isDue }) => isDue).slice(0, mostRepetitions);
    const ids = due.map(({ id }) => id);
    if (ids.length > 0) await repeat(ids, 0);
    for (const { id, status } of due)
      logger.warn({ orderId: id, status }, 'order was not answered: asking again');
    const isCut = due.length === mostRepetitions;
    const isFull = page.length === pageSize;
    after = (isCut ? ids.at(-1) : isFull ? page.at(-1)?.id : undefined) ?? beforeAll;
    return isFull && !isCut;
  };
}
