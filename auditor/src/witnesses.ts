import { createLogger } from '#shared/observability/logger.ts';
import { createNamedLocks } from '#shared/postgres/advisory-lock.ts';
import type { Witnesses } from './collect-cases.ts';
import { readDeadLetters } from './witnesses/dead-letters.ts';
import { createLedger } from './witnesses/ledger.ts';
import { createOrderDatabase } from './witnesses/order-database.ts';
import { createProcessorDatabase } from './witnesses/processor-database.ts';
import { createReadOnlyPool } from './witnesses/read-only-pool.ts';

/** Opens the way to everybody the auditor asks, has `work` done, and closes it again. */
export async function withWitnesses<T>(
  urls: { orders: string; processor: string; ledger: string; broker: string },
  work: (witnesses: Witnesses) => Promise<T>,
): Promise<T> {
  const pools = [createReadOnlyPool(urls.orders), createReadOnlyPool(urls.processor)] as const;
  const locks = createNamedLocks({
    databaseUrl: urls.processor,
    applicationName: 'auditor lock',
    logger: createLogger({ service: 'auditor', level: 'silent' }),
  });
  try {
    return await work({
      orders: createOrderDatabase(pools[0]),
      processor: createProcessorDatabase(pools[1]),
      ledger: createLedger(urls.ledger),
      brokerUrl: urls.broker,
      deadLetters: () => readDeadLetters(urls.broker, locks),
    });
  } finally {
    await Promise.all(pools.map((pool) => pool.end()));
  }
}
