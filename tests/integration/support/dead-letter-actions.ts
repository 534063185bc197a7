import { PrismaPg } from '@prisma/adapter-pg';
import {
  createDeadLetterActions,
  type DeadLetterActions,
} from '#processor-service/application/dead-letters/dead-letter-actions.ts';
import { PrismaClient } from '#processor-service/infrastructure/postgres/generated/client.ts';
import { createOperatorActions } from '#processor-service/infrastructure/postgres/operator-actions.ts';
import { createReplayRuns } from '#processor-service/infrastructure/postgres/replay-runs.ts';
import { createDeadLetterLog } from '#processor-service/infrastructure/rabbitmq/dead-letter-log.ts';
import { createDeadLetterQueues } from '#processor-service/infrastructure/rabbitmq/dead-letter-queues.ts';
import { systemClock } from '#shared/kernel/clock.ts';
import { noFailpoints } from '#shared/kernel/failpoints.ts';
import type { Publisher } from '#shared/messaging/publisher.ts';
import { createPool } from '#shared/postgres/pool.ts';
import { locksOf } from './dead-letters.ts';
import { testLogger } from './logger.ts';

/** The acting side of the desk, on connections of its own, as in one process. */
export interface OpenDesk extends DeadLetterActions {
  close(): Promise<void>;
}

export function openDesk(options: {
  brokerUrl: string;
  databaseUrl: string;
  publisher: Publisher;
  settleMs?: number;
}): OpenDesk {
  const { brokerUrl: url, databaseUrl, publisher, settleMs = 200 } = options;
  const pool = createPool({
    url: databaseUrl,
    applicationName: 'test',
    maxConnections: 5,
    logger: testLogger,
  });
  const prisma = new PrismaClient({ adapter: new PrismaPg(pool) });
  const actions = createDeadLetterActions({
    deadLetters: createDeadLetterQueues({ url, publisher, locks: locksOf(databaseUrl) }),
    log: createDeadLetterLog({ url, logger: testLogger }),
    runs: createReplayRuns({ prisma }),
    actions: createOperatorActions({ pool, prisma }),
    clock: systemClock,
    failpoint: noFailpoints,
    settleMs,
  });
  return {
    ...actions,
    async close() {
      await prisma.$disconnect();
      await pool.end();
    },
  };
}
