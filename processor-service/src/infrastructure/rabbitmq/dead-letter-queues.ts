import { deadLetterQueueOf, workQueues } from '#shared/contracts/topology.ts';
import { assertBindings } from '#shared/messaging/assert-bindings.ts';
import { browseQueue, withChannel } from '#shared/messaging/browse-queue.ts';
import type { Publisher } from '#shared/messaging/publisher.ts';
import type { DeadLetterQueues } from '../../application/ports/dead-letter-queues.ts';

/** Dead-letter queues over AMQP, so that no management plugin is needed. */
export function createDeadLetterQueues(dependencies: {
  url: string;
  publisher: Publisher;
}): DeadLetterQueues {
  const { url, publisher } = dependencies;
  return {
    browse: (queue) => browseQueue(url, queue),
    restoreBindings: (queues) =>
      withChannel(url, async (channel) => {
        for (const { name } of workQueues) {
          if (queues.includes(deadLetterQueueOf(name))) await assertBindings(channel, name);
        }
      }),
    publish: publisher.publish,
  };
}
