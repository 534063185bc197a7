import { connect } from 'amqplib';
import { deadLetterQueueOf, queues, retryQueueOf } from '#shared/contracts/topology.ts';
import { eventually } from './eventually.ts';
import type { Leave } from './evidence.ts';
import type { TestSystem } from './system.ts';

/**
 * Waits until nothing is in flight any more: every order and saga has ended or waits for its customer, every wish is
 * answered, everything announced has arrived, what was given up rests among the dead letters.
 *
 * @param options.attention sagas that wait for an operator are at rest, too
 * @throws Error that says what is still under way when `withinMs` are over.
 */
export async function settled(
  system: TestSystem,
  options: { withinMs?: number } & Leave = {},
): Promise<void> {
  const { withinMs = 30_000, attention = false } = options;
  await eventually(
    async () => {
      const counts = await countUnderWay(system, attention);
      const underWay = Object.entries(counts).filter(([, count]) => count > 0);
      if (underWay.length === 0) return;
      throw new Error(`still under way: ${underWay.map(([what, count]) => `${count} ${what}`).join(', ')}`);
    },
    { withinMs, everyMs: 50 },
  );
}

async function countUnderWay({ orderDatabase, processorDatabase, broker }: TestSystem, attention: boolean) {
  const { rows: stuck } = await processorDatabase.pool.query<{ id: string }>(waitingForOperator);
  const waiting = attention ? stuck.map(({ id }) => id) : [];
  const [order] = (await orderDatabase.pool.query<Record<string, number>>(orderCounts, [waiting])).rows;
  const [processor] = (await processorDatabase.pool.query<Record<string, number>>(processorCounts, [waiting]))
    .rows;
  const workQueues = [queues.orderCreated, queues.orderRequests, queues.orderProcessed];
  const dead = {
    orders: deadLetterQueueOf(queues.orderCreated),
    replies: deadLetterQueueOf(queues.orderProcessed),
  };
  const retryQueues = broker.retryDelaysMs.map(retryQueueOf);
  const depth = await queueDepths(broker.url, [...workQueues, ...retryQueues, ...Object.values(dead)]);
  const of = (counts: Record<string, number> | undefined, name: string): number => counts?.[name] ?? 0;
  const inQueue = (name: string): number => depth.get(name) ?? 0;
  return {
    'orders that have not ended': of(order, 'open'),
    'wishes that have no answer': of(order, 'unanswered'),
    'sagas that have not ended': of(processor, 'open'),
    'orders without a saga': of(order, 'orders') - of(processor, 'sagas'),
    'unpublished messages': of(order, 'unpublished') + of(processor, 'unpublished'),
    'messages in work and retry queues': [...workQueues, ...retryQueues].reduce(
      (sum, name) => sum + inQueue(name),
      0,
    ),
    // The broker does not say at once what is delivered and unanswered; what it leads to is known, though.
    'replies nobody took account of':
      of(processor, 'replies') - of(order, 'received') - inQueue(dead.replies),
    'given up but not among the dead letters': of(processor, 'recoverable') - inQueue(dead.orders),
  };
}

const waitingForOperator = `
  SELECT order_id AS id FROM sagas
  WHERE state = 'needs_attention' OR refunds @> '[{"state": "needs_attention"}]'`;

/** Orders that rest half-way have their reasons: nobody asked for their payment, or an operator is waited for. */
const orderCounts = `
  SELECT (SELECT count(*)::int FROM orders) AS orders,
         (SELECT count(*)::int FROM orders
          WHERE status NOT IN ('completed', 'fulfilled', 'failed', 'cancelled', 'refunded') AND id <> ALL ($1)
            AND NOT (status = 'reserved' AND payment = 'manual' AND NOT payment_requested)) AS open,
         (SELECT count(*)::int FROM orders
          WHERE (cancellation ->> 'status' = 'requested' OR refunds @> '[{"status": "requested"}]')
            AND id <> ALL ($1)) AS unanswered,
         (SELECT count(*)::int FROM outbox WHERE published_at IS NULL) AS unpublished,
         (SELECT count(*)::int FROM inbox) + (SELECT count(*)::int FROM operator_actions) AS received`;

const processorCounts = `
  SELECT (SELECT count(*)::int FROM sagas) AS sagas,
         (SELECT count(*)::int FROM sagas
          WHERE (state NOT IN ('awaiting_payment', 'completed', 'failed', 'cancelled', 'refunded')
                 OR refunds @> '[{"state": "requested"}]') AND order_id <> ALL ($1)) AS open,
         (SELECT count(*)::int FROM sagas
          WHERE state = 'failed' AND (failure ->> 'recoverable')::boolean AND NOT cancel_requested) AS recoverable,
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
