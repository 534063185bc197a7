import type { Clock } from '#shared/kernel/clock.ts';
import type { Failpoint } from '#shared/kernel/failpoints.ts';
import type { Publisher } from '#shared/messaging/publisher.ts';
import type { Requester } from '#shared/messaging/rpc.ts';
import type { Logger } from '#shared/observability/logger.ts';
import { createNamedLocks } from '#shared/postgres/advisory-lock.ts';
import type { createPool } from '#shared/postgres/pool.ts';
import { createDeadLetterActions } from '../application/dead-letters/dead-letter-actions.ts';
import { createDryRun } from '../application/dead-letters/dry-run.ts';
import { createLookAtDeadLetters } from '../application/dead-letters/look-at-dead-letters.ts';
import { createRehearse } from '../application/dead-letters/rehearsal.ts';
import { createMessageHandlers } from '../consumers/message-handlers.ts';
import { createOperatorActions } from '../infrastructure/postgres/operator-actions.ts';
import type { createPrismaClient } from '../infrastructure/postgres/prisma-client.ts';
import { createReplayRuns } from '../infrastructure/postgres/replay-runs.ts';
import { createSagaRepository } from '../infrastructure/postgres/saga-repository.ts';
import { createStockRepository } from '../infrastructure/postgres/stock-repository.ts';
import { createDeadLetterLog } from '../infrastructure/rabbitmq/dead-letter-log.ts';
import { createDeadLetterQueues } from '../infrastructure/rabbitmq/dead-letter-queues.ts';
import { createOrderInquiries } from '../infrastructure/rabbitmq/order-inquiries.ts';

/**
 * Puts the dead-letter desk together, for both of its doors: the service's HTTP routes and the command line.
 *
 * @param parts.name under which its connections are seen
 * @param parts.announce called once there is something for the relay to publish; where there is none, that of a service
 * will see to it
 */
export function createDesk(parts: {
  name: string;
  amqpUrl: string;
  databaseUrl: string;
  pool: ReturnType<typeof createPool>;
  prisma: ReturnType<typeof createPrismaClient>;
  publisher: Publisher;
  requester: Requester;
  clock: Clock;
  failpoint: Failpoint;
  announce?: () => void;
  logger: Logger;
}) {
  const { name, amqpUrl, databaseUrl, pool, prisma, publisher, requester } = parts;
  const { clock, failpoint, announce, logger } = parts;
  const sagas = createSagaRepository({ pool });
  const stock = createStockRepository({ pool, prisma });
  const actions = createOperatorActions({ pool, prisma });
  const locks = createNamedLocks({ databaseUrl, applicationName: `${name} lock`, logger });
  const deadLetters = createDeadLetterQueues({ url: amqpUrl, publisher, locks });
  const inquiries = createOrderInquiries({ requester });
  const rehearse = createRehearse({ handlersOf: createMessageHandlers, clock });
  const dryRun = createDryRun({ deadLetters, sagas, stock, inquiries, rehearse });
  return {
    dryRun,
    looks: createLookAtDeadLetters({ deadLetters, sagas, inquiries, actions, dryRun }),
    actions: createDeadLetterActions({
      deadLetters,
      log: createDeadLetterLog({ url: amqpUrl, logger }),
      runs: createReplayRuns({ prisma }),
      actions,
      clock,
      failpoint,
      ...(announce ? { announce } : {}),
    }),
  };
}
