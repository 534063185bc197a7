import type { Channel } from 'amqplib';
import {
  bindingsOf,
  deadLetterQueueOf,
  deadLetterRoutingKeyOf,
  exchanges,
  type WorkQueueName,
} from '../contracts/topology.ts';

/**
 * Binds a work queue to what it is there for, where it is not bound already. The event log takes every message, so
 * `mandatory` does not tell a publisher that this binding is gone: whoever needs the queue keeps it bound.
 */
export async function assertBindings(channel: Channel, queue: WorkQueueName): Promise<void> {
  for (const { source, routingKey } of bindingsOf(queue)) await channel.bindQueue(queue, source, routingKey);
}

/** The same for its dead letters, whose log takes every one of them: before one is given up, its place must be there. */
export async function assertDeadLetterBinding(channel: Channel, queue: WorkQueueName): Promise<void> {
  await channel.bindQueue(deadLetterQueueOf(queue), exchanges.deadLetters, deadLetterRoutingKeyOf(queue));
}
