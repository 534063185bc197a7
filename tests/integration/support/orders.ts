import { PrismaPg } from '@prisma/adapter-pg';
import { createRunOnce, type RunOnce } from '#order-service/application/idempotency.ts';
import type { IdempotencyRecords } from '#order-service/application/ports/idempotency-records.ts';
import type { OrderRepository, Placement } from '#order-service/application/ports/order-repository.ts';
import type { Order } from '#order-service/domain/order.ts';
import { begin } from '#order-service/domain/order-events.ts';
import { PrismaClient } from '#order-service/infrastructure/postgres/generated/client.ts';
import { createIdempotencyRecords } from '#order-service/infrastructure/postgres/idempotency-records.ts';
import { createOrderRepository } from '#order-service/infrastructure/postgres/order-repository.ts';
import { systemClock } from '#shared/kernel/clock.ts';
import { newId } from '#shared/kernel/ids.ts';
import { newTraceparent } from '#shared/observability/trace-context.ts';
import { toOutboxRow } from '#shared/outbox/outbox-message.ts';
import { createPool } from '#shared/postgres/pool.ts';
import { testLogger } from './logger.ts';
import { orderCreated } from './messages.ts';

/** A repository on connections of its own, as one replica of the service has it. */
export interface OpenOrderRepository {
  readonly orders: OrderRepository;
  readonly records: IdempotencyRecords;
  readonly runOnce: RunOnce;
  close(): Promise<void>;
}

export function openOrderRepository(url: string, maxConnections = 10): OpenOrderRepository {
  const pool = createPool({ url, applicationName: 'test', maxConnections, logger: testLogger });
  const prisma = new PrismaClient({ adapter: new PrismaPg(pool) });
  const records = createIdempotencyRecords({ pool });
  return {
    orders: createOrderRepository({ pool, prisma }),
    records,
    runOnce: createRunOnce({ records, clock: systemClock, ttlMs: 60_000 }),
    async close() {
      await prisma.$disconnect();
      await pool.end();
    },
  };
}

/** An order as the service places it: one item, 2 × 19.99. */
export function placementOf(overrides: Partial<Order> = {}): Placement {
  const id = overrides.id ?? newId();
  const at = new Date();
  const items = [{ sku: 'SKU-001', quantity: 2, unitPriceMinor: 1_999 }];
  const event = {
    type: 'placed' as const,
    data: {
      id,
      customerId: 'customer-1',
      currency: 'EUR',
      items,
      totalMinor: 3_998,
      description: null,
      metadata: {},
      payment: 'automatic' as const,
    },
  };
  return {
    order: { ...begin(event, at), eventSequence: 1, ...overrides },
    history: {
      orderId: id,
      version: 1,
      event,
      at,
      customerId: overrides.customerId ?? 'customer-1',
      status: overrides.status ?? 'pending',
      actor: 'customer-1',
      correlationId: newId(),
      traceparent: newTraceparent(),
    },
    announcement: toOutboxRow(orderCreated({ orderId: id, items })),
  };
}
