import type { Pool } from 'pg';
import type { RunOnce } from '#order-service/application/idempotency.ts';
import { createPlaceOrder } from '#order-service/application/place-order.ts';
import { createOrderRepository } from '#order-service/infrastructure/postgres/order-repository.ts';
import { anonymous } from '#shared/auth/caller.ts';
import { systemClock } from '#shared/kernel/clock.ts';
import { noFailpoints } from '#shared/kernel/failpoints.ts';
import { newTraceparent } from '#shared/observability/trace-context.ts';
import { currency, planOrder } from '../workload.ts';

/** What the order-service sends to PostgreSQL to accept one order, and nothing else. */
export interface AcceptStatement {
  readonly name: string;
  readonly text: string;
  /** Parameters of a sample order; put a new id in the place of `orderId` to accept another one. */
  readonly values: readonly string[];
  readonly orderId: string;
}

/**
 * Records the statement by placing an order through the order-service's own use case and repository, on a pool that
 * writes down what it is asked. So the reference is the same statement with the same rows, whatever they become.
 */
export async function recordAcceptStatement(): Promise<AcceptStatement> {
  const sent: { name: string; text: string; values: string[] }[] = [];
  const recorder = {
    async query(statement: (typeof sent)[number]) {
      sent.push(statement);
      return { rows: [] };
    },
  };
  const orders = createOrderRepository({
    pool: recorder as unknown as Pool,
    prisma: undefined as never, // it is for reading
  });
  const place = createPlaceOrder({
    orders,
    runOnce: runWithoutKey,
    clock: systemClock,
    failpoint: noFailpoints,
    announce: () => {},
  });
  const { sku, quantity, unitPriceMinor, customerId } = planOrder(0, { hotSku: false });
  const { order } = await place(
    {
      customerId,
      currency,
      items: [{ sku, quantity, unitPriceMinor, currency }],
      description: null,
      metadata: {},
      payment: 'automatic',
    },
    { correlationId: crypto.randomUUID(), traceparent: newTraceparent() },
    anonymous,
  );
  const [statement] = sent;
  if (statement === undefined || sent.length > 1) {
    throw new Error(`accepting an order took ${sent.length} statements, and the reference is made of one`);
  }
  return { ...statement, orderId: order.id };
}

const runWithoutKey: RunOnce = async (_request, work) => ({ order: (await work()).order, replayed: false });
