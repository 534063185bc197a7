import { PrismaPg } from '@prisma/adapter-pg';
import { createDryRun, type DryRun } from '#processor-service/application/dead-letters/dry-run.ts';
import {
  createLookAtDeadLetters,
  type LookAtDeadLetters,
} from '#processor-service/application/dead-letters/look-at-dead-letters.ts';
import { createRehearse } from '#processor-service/application/dead-letters/rehearsal.ts';
import { createMessageHandlers } from '#processor-service/consumers/message-handlers.ts';
import { PrismaClient } from '#processor-service/infrastructure/postgres/generated/client.ts';
import { createOperatorActions } from '#processor-service/infrastructure/postgres/operator-actions.ts';
import { createSagaRepository } from '#processor-service/infrastructure/postgres/saga-repository.ts';
import { createStockRepository } from '#processor-service/infrastructure/postgres/stock-repository.ts';
import { createDeadLetterQueues } from '#processor-service/infrastructure/rabbitmq/dead-letter-queues.ts';
import { createOrderInquiries } from '#processor-service/infrastructure/rabbitmq/order-inquiries.ts';
import { inquiryWays } from '#shared/contracts/order-inquiries.ts';
import { systemClock } from '#shared/kernel/clock.ts';
import type { Publisher } from '#shared/messaging/publisher.ts';
import { createRequester } from '#shared/messaging/rpc.ts';
import { createPool } from '#shared/postgres/pool.ts';
import { locksOf } from './dead-letters.ts';
import { testLogger } from './logger.ts';

/** The looking side of the desk, on connections of its own, as in one process. */
export interface OpenLooks extends LookAtDeadLetters, DryRun {
  close(): Promise<void>;
}

export function openLooks(options: {
  brokerUrl: string;
  databaseUrl: string;
  publisher: Publisher;
}): OpenLooks {
  const { brokerUrl: url, databaseUrl, publisher } = options;
  const pool = createPool({
    url: databaseUrl,
    applicationName: 'test',
    maxConnections: 5,
    logger: testLogger,
  });
  const prisma = new PrismaClient({ adapter: new PrismaPg(pool) });
  const requester = createRequester({ ...inquiryWays, url, name: 'looks', logger: testLogger });
  const deadLetters = createDeadLetterQueues({ url, publisher, locks: locksOf(databaseUrl) });
  const sagas = createSagaRepository({ pool });
  const stock = createStockRepository({ pool, prisma });
  const inquiries = createOrderInquiries({ requester });
  const rehearse = createRehearse({ handlersOf: createMessageHandlers, clock: systemClock });
  const dryRun = createDryRun({ deadLetters, sagas, stock, inquiries, rehearse });
  const actions = createOperatorActions({ pool, prisma });
  return {
    ...createLookAtDeadLetters({ deadLetters, sagas, inquiries, actions, dryRun }),
    ...dryRun,
    async close() {
      await requester.stop();
      await prisma.$disconnect();
      await pool.end();
    },
  };
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const collected: T[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}
