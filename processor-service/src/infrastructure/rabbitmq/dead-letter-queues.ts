import { deadLetterQueueOf, workQueues } from '#shared/contracts/topology.ts';
import { AppError } from '#shared/kernel/errors.ts';
import { assertBindings } from '#shared/messaging/assert-bindings.ts';
import { withChannel } from '#shared/messaging/brief-connection.ts';
import { browseQueue } from '#shared/messaging/browse-queue.ts';
import type { Publisher } from '#shared/messaging/publisher.ts';
import type { NamedLocks } from '#shared/postgres/advisory-lock.ts';
import type { DeadLetterQueues } from '../../application/ports/dead-letter-queues.ts';

/** Looking at a queue of ten thousand letters takes half a second. */
const waitForOthersMs = 20_000;

const isKnown = new Set<string>(workQueues.map(({ name }) => deadLetterQueueOf(name)));

/** Dead-letter queues over AMQP, so that no management plugin is needed. */
export function createDeadLetterQueues(dependencies: {
  url: string;
  publisher: Publisher;
  /** Shared by everybody who looks at these queues. */
  locks: NamedLocks;
}): DeadLetterQueues {
  const { url, publisher, locks } = dependencies;
  return {
    async *browse(queue, options) {
      // Messages of a work queue belong to its consumer, and each look counts as an attempt to deliver them.
      if (!isKnown.has(queue)) throw noSuchQueue(queue);
      const release = await locks.acquire(queue, { waitMs: waitForOthersMs });
      if (!release) throw busy(queue);
      try {
        yield* browseQueue(url, queue, options);
      } finally {
        await release();
      }
    },
    restoreBindings: (queues) =>
      withChannel(url, async (channel) => {
        for (const { name } of workQueues) {
          if (queues.includes(deadLetterQueueOf(name))) await assertBindings(channel, name);
        }
      }),
    publish: publisher.publish,
  };
}

function noSuchQueue(queue: string): AppError {
  return new AppError({
    code: 'QUEUE_NOT_FOUND',
    kind: 'rejected',
    message: `there is no dead-letter queue ${queue}; there are ${[...isKnown].join(', ')}`,
  });
}

function busy(queue: string): AppError {
  return new AppError({
    code: 'QUEUE_BUSY',
    kind: 'unavailable',
    message: `somebody else has been looking at ${queue} for a while; try again later`,
  });
}
