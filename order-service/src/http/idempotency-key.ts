import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Answer, Once } from '../application/idempotency.ts';
import type { Order } from '../domain/order.ts';

/** Visible ASCII, with or without the quotes of a structured field (draft-ietf-httpapi-idempotency-key-header-07). */
export const idempotencyKeyPattern = /^(?:"[\x20\x21\x23-\x5b\x5d-\x7e]{1,255}"|[\x21\x23-\x7e]{1,255})$/;

export const idempotencyKeyHeader = z.object({
  'idempotency-key': z
    .string()
    .regex(idempotencyKeyPattern, 'has to be 1 to 255 visible ASCII characters')
    .optional()
    .describe('Chosen by the caller: the request is carried out once, and a repetition is answered alike'),
});

/** How the caller wants to be able to repeat the request, if he does. */
export function onceOf({ caller, headers }: FastifyRequest): Once | undefined {
  const header = headers['idempotency-key'];
  if (typeof header !== 'string') return undefined;
  return { caller: caller.subject, key: header.replaceAll('"', '') };
}

/** The order that was answered; says so in a header if it was answered before. */
export function orderOf({ order, replayed }: Answer, reply: FastifyReply): Order {
  if (replayed) reply.header('idempotent-replayed', 'true');
  return order;
}
