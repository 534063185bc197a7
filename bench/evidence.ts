import { connect } from 'amqplib';
import pg from 'pg';
import { buildTopology, queues } from '#shared/contracts/topology.ts';
import { sleep } from '#shared/kernel/sleep.ts';
import type { BenchSystem } from './system.ts';
import type { Evidence, LedgerLine, StockCount } from './verification.ts';

const settleMs = 30_000;
const ledgerPageSize = 1_000;

/** The stock as processor_db has it. */
export async function readStock(processorDatabaseUrl: string): Promise<StockCount[]> {
  return ask(
    processorDatabaseUrl,
    'SELECT sku, on_hand AS "onHand", reserved, shipped FROM stock ORDER BY sku',
  );
}

/**
 * Collects what databases, provider and broker know. Stops both services on the way: only then do queues count every
 * message, also those that a consumer has not answered.
 */
export async function collectEvidence(
  system: BenchSystem,
): Promise<Pick<Evidence, 'orders' | 'stock' | 'ledger' | 'leftovers'>> {
  const { orderDatabaseUrl, processorDatabaseUrl, sandboxUrl, amqpUrl } = system;
  await untilPublished([orderDatabaseUrl, processorDatabaseUrl]);
  const ledger = await readLedger(sandboxUrl);
  await system.stopServices();
  return {
    orders: await ask(orderDatabaseUrl, 'SELECT id, status, total_minor::float8 AS "totalMinor" FROM orders'),
    stock: await readStock(processorDatabaseUrl),
    ledger,
    leftovers: new Map([
      ['the outbox of order_db', await countUnpublished(orderDatabaseUrl)],
      ['the outbox of processor_db', await countUnpublished(processorDatabaseUrl)],
      ...(await countQueues(amqpUrl)),
    ]),
  };
}

/** Orders are completed a moment before the last messages are marked as published. */
async function untilPublished(urls: readonly string[]): Promise<void> {
  const deadline = Date.now() + settleMs;
  for (const url of urls) {
    while ((await countUnpublished(url)) > 0 && Date.now() < deadline) await sleep(100);
  }
}

async function countUnpublished(url: string): Promise<number> {
  const [row] = await ask<{ messages: number }>(
    url,
    'SELECT count(*)::int AS messages FROM outbox WHERE published_at IS NULL',
  );
  return row?.messages ?? Number.NaN;
}

async function readLedger(sandboxUrl: string): Promise<LedgerLine[]> {
  const lines: LedgerLine[] = [];
  for (let cursor: string | null = '0'; cursor !== null; ) {
    const response = await fetch(`${sandboxUrl}/ledger?limit=${ledgerPageSize}&cursor=${cursor}`);
    if (!response.ok) throw new Error(`the ledger answered ${response.status}: ${await response.text()}`);
    const page = (await response.json()) as { items: LedgerLine[]; nextCursor: string | null };
    lines.push(...page.items);
    cursor = page.nextCursor;
  }
  return lines;
}

/** Messages in every queue but the event log, which keeps them. */
async function countQueues(amqpUrl: string): Promise<[string, number][]> {
  const connection = await connect(amqpUrl);
  try {
    const channel = await connection.createChannel();
    const counts: [string, number][] = [];
    for (const { name } of buildTopology().queues) {
      if (name === queues.eventLog) continue;
      counts.push([`queue ${name}`, (await channel.checkQueue(name)).messageCount]);
    }
    return counts;
  } finally {
    await connection.close();
  }
}

async function ask<Row extends pg.QueryResultRow>(url: string, sql: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Row>(sql)).rows;
  } finally {
    await client.end();
  }
}
