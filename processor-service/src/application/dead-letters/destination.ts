import { exchanges, type WorkQueueName, workQueues } from '#shared/contracts/topology.ts';
import { AppError } from '#shared/kernel/errors.ts';
import type { IncomingMessage } from '#shared/messaging/message.ts';

/** Where a message was published at first. */
type Way = Pick<IncomingMessage, 'exchange' | 'routingKey'>;

/** The work queue that a letter goes to when it is replayed; `undefined` when none takes it. */
export function destinationOf({ exchange, routingKey }: Way): WorkQueueName | undefined {
  if (exchange !== exchanges.orders) return undefined;
  return workQueues.find(({ routingKeys }) => routingKeys.includes(routingKey))?.name;
}

/**
 * The event log takes every message, so the broker would confirm one that no queue wants, and it would be gone.
 *
 * @throws AppError `REPLAY_REFUSED`
 */
export function requireDestination(way: Way): void {
  if (destinationOf(way)) return;
  throw new AppError({
    code: 'REPLAY_REFUSED',
    kind: 'rejected',
    message: `no queue takes what is published to "${way.exchange}" with routing key "${way.routingKey}"`,
  });
}
