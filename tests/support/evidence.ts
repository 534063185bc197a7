import type { LedgerEntry, LedgerPage } from '#payment-sandbox/contract.ts';
import type { TestSystem } from './system.ts';
import type { LogEntry, WishEntry, Witness } from './witness.ts';

export interface StoredOrder {
  readonly id: string;
  readonly customerId: string;
  readonly status: string;
  readonly totalMinor: number;
  readonly paymentRequested: boolean;
  readonly refunds: readonly { readonly id: string }[];
  readonly cancellation: { readonly status: string } | null;
}

/** What was left undone on purpose, so that it may stay so. */
export interface Leave {
  /** Some sagas wait for an operator. */
  readonly attention?: boolean;
}

/** What customers were told, beside what has become of it. */
export interface Evidence {
  readonly leave: Leave;
  readonly log: readonly LogEntry[];
  readonly wishes: readonly WishEntry[];
  readonly orders: readonly StoredOrder[];
  /** Pieces of each SKU, wherever they are: at the beginning and now. */
  readonly openingStock: ReadonlyMap<string, number>;
  readonly pieces: ReadonlyMap<string, number>;
  /** Orders whose saga waits for an operator. */
  readonly inNeed: readonly string[];
}

/** Gathers it without changing anything. */
export async function collectEvidence(
  { orderDatabase, processorDatabase }: TestSystem,
  { log, wishes, openingStock }: Witness,
  leave: Leave = {},
): Promise<Evidence> {
  const orders = await orderDatabase.pool.query<StoredOrder>(`
    SELECT id, customer_id AS "customerId", status, total_minor::float8 AS "totalMinor",
           payment_requested AS "paymentRequested", refunds, cancellation
    FROM orders`);
  const stock = await processorDatabase.pool.query<{ sku: string; pieces: number }>(
    'SELECT sku, on_hand + reserved + shipped AS pieces FROM stock',
  );
  const inNeed = await processorDatabase.pool.query<{ id: string }>(`
    SELECT order_id AS id FROM sagas
    WHERE state = 'needs_attention' OR refunds @> '[{"state": "needs_attention"}]'`);
  return {
    leave,
    log,
    wishes,
    orders: orders.rows,
    openingStock,
    pieces: new Map(stock.rows.map(({ sku, pieces }) => [sku, pieces])),
    inNeed: inNeed.rows.map(({ id }) => id),
  };
}

/** The provider's own account of the money, oldest first. */
export async function readLedger(sandboxUrl: string): Promise<readonly LedgerEntry[]> {
  const entries: LedgerEntry[] = [];
  for (let cursor: string | null = '0'; cursor !== null; ) {
    const page = (await (
      await fetch(`${sandboxUrl}/ledger?limit=1000&cursor=${cursor}`)
    ).json()) as LedgerPage;
    entries.push(...page.items);
    cursor = page.nextCursor;
  }
  return entries;
}
