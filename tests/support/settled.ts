import { connect } from 'amqplib';
import { deadLetterQueueOf, queues, retryQueueOf } from '#shared/contracts/topology.ts';
import { eventually } from './eventually.ts';
import type { TestSystem } from './system.ts';

/**
 * Waits until nothing is in flight any more: every order and saga has ended, everything announced has arrived, what was
 * given up rests among the dead letters.
 *
 * @throws Error that says what is still under way when `withinMs` are over.
 */
export async function settled(system: TestSystem, options: { withinMs?: number } = {}): Promise<void> {
  const { withinMs = 30_000 } = options;
  await eventually(
    async () => {
      const underWay = Object.entries(await countUnderWay(system)).filter(([, count]) => count > 0);
      if (underWay.length === 0) return;
      throw new Error(`still under way: ${underWay.map(([what, count]) => `${count} ${what}`).join(', ')}`);
    },
    { withinMs, everyMs: 50 },
  );
}

async function countUnderWay({ orderDatabase, processorDatabase, broker }: TestSystem) {
  const [order] = (await orderDatabase.pool.query<Record<string, number>>(orderCounts)).rows;
  const [processor] = (await processorDatabase.pool.query<Record<string, number>>(processorCounts)).rows;
  const depth = await queueDepths(broker.url, [
    queues.orderCreated,
    queues.orderProcessed,
    deadLetterQueueOf(queues.orderCreated),
    deadLetterQueueOf(queues.orderProcessed),
    ...broker.retryDelaysMs.map(retryQueueOf),
  ]);
  const of = (counts: Record<string, number> | undefined, name: string): number => counts?.[name] ?? 0;
  const waiting = [...depth.values()].reduce((sum, count) => sum + count, 0);
  const deadOrders = depth.get(deadLetterQueueOf(queues.orderCreated)) ?? 0;
  const deadReplies = depth.get(deadLetterQueueOf(queues.orderProcessed)) ?? 0;
  return {
    'orders that have not ended': of(order, 'open'),
    'sagas that have not ended': of(processor, 'open'),
    'orders without a saga': of(order, 'orders') - of(processor, 'sagas'),
    'unpublished messages': of(order, 'unpublished') + of(processor, 'unpublished'),
    'messages in work and retry queues': waiting - deadOrders - deadReplies,
    // The broker does not say at once what is delivered and unanswered; what it leads to is known, though.
    'replies nobody took account of': of(processor, 'replies') - of(order, 'received') - deadReplies,
    'given up but not among the dead letters': of(processor, 'recoverable') - deadOrders,
  };
}

const orderCounts = `
  SELECT (SELECT count(*)::int FROM orders) AS orders,
         (SELECT count(*)::int FROM orders WHERE status NOT IN ('completed', 'failed')) AS open,
         (SELECT count(*)::int FROM outbox WHERE published_at IS NULL) AS unpublished,
         (SELECT count(*)::int FROM inbox) AS received`;

const processorCounts = `
  SELECT (SELECT count(*)::int FROM sagas) AS sagas,
         (SELECT count(*)::int FROM sagas WHERE state NOT IN ('completed', 'failed')) AS open,
         (SELECT count(*)::int FROM sagas WHERE state = 'failed' AND (failure ->> 'recoverable')::boolean) AS recoverable,
         (SELECT count(*)::int FROM outbox WHERE published_at IS NULL) AS unpublished,
         (SELECT count(*)::int FROM outbox) AS replies`;

/** How many messages lie ready in each queue. Connects anew, because tests take the broker away. */
export async function queueDepths(
  brokerUrl: string,
  names: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  const connection = await connect(brokerUrl, { timeout: 5_000, noDelay: true });
  connection.on('error', () => {
    // The pending call rejects with the same reason.
  });
  try {
    const channel = await connection.createChannel();
    const depths = new Map<string, number>();
    for (const name of names) depths.set(name, (await channel.checkQueue(name)).messageCount);
    return depths;
  } finally {
    await connection.close().catch(() => undefined);
  }
}
