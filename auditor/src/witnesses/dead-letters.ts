import { deadLetterQueueOf, workQueues } from '#shared/contracts/topology.ts';
import { AppError } from '#shared/kernel/errors.ts';
import { isUuid } from '#shared/kernel/ids.ts';
import { browseQueue } from '#shared/messaging/browse-queue.ts';
import type { NamedLocks } from '#shared/postgres/advisory-lock.ts';
import type { DeadLetter } from '../order-case.ts';

const waitForOthersMs = 20_000;

/** The dead letters there are, by the order they are about; what names none, under its own id. */
export type DeadLetters = ReadonlyMap<string, readonly DeadLetter[]>;

/**
 * Looks at every dead-letter queue without taking anything out.
 *
 * @param locks shared with the desk: two lookers at the same time mix up the order of the letters
 * @throws AppError `BROKER_UNAVAILABLE`, `QUEUE_BUSY`
 */
export async function readDeadLetters(brokerUrl: string, locks: NamedLocks): Promise<DeadLetters> {
  const letters: (DeadLetter & { readonly subject: string })[] = [];
  for (const { name: queue } of workQueues) {
    const deadLetterQueue = deadLetterQueueOf(queue);
    const release = await locks.acquire(deadLetterQueue, { waitMs: waitForOthersMs });
    if (!release) throw busy(deadLetterQueue);
    try {
      for await (const { message } of browseQueue(brokerUrl, deadLetterQueue)) {
        const { messageId, body } = message;
        const time = message.time?.getTime() ?? Date.now();
        const orderId = subjectOf(body);
        const namesOrder = orderId !== undefined;
        letters.push({ queue, messageId, time, namesOrder, subject: orderId ?? messageId });
      }
    } finally {
      await release();
    }
  }
  return Map.groupBy(letters, ({ subject }) => subject);
}

/** The order that a message is about, if it is one of ours. */
export function subjectOf(body: Buffer): string | undefined {
  try {
    const { subject } = JSON.parse(body.toString()) as { subject?: unknown };
    return typeof subject === 'string' && isUuid(subject) ? subject : undefined;
  } catch {
    return undefined;
  }
}

function busy(queue: string): AppError {
  return new AppError({
    code: 'QUEUE_BUSY',
    kind: 'unavailable',
    message: `somebody else has been looking at ${queue} for a while; try again later`,
  });
}
