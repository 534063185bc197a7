import type { FastifyReply, FastifyRequest } from 'fastify';
import { idempotencyKeyOf, replayedHeader } from '#shared/idempotency/key.ts';
import type { Answer, Once } from '../application/idempotency.ts';
import type { Order } from '../domain/order.ts';

/** How the caller wants to be able to repeat the request, if he does. */
export function onceOf({ caller, headers }: FastifyRequest): Once | undefined {
  const key = idempotencyKeyOf(headers);
  return key === undefined ? undefined : { caller: caller.subject, key };
}

/** The order that was answered; says so in a header if it was answered before. */
export function orderOf({ order, replayed }: Answer, reply: FastifyReply): Order {
  if (replayed) reply.header(replayedHeader, 'true');
  return order;
}
