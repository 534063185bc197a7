import type { LedgerEntry, LedgerPage } from '#payment-sandbox/contract.ts';
import { deadLetterQueueOf, queues } from '#shared/contracts/topology.ts';
import { browseQueue } from '#shared/messaging/browse-queue.ts';
import type { TestSystem } from './system.ts';
import type { LogEntry, TappedMessage, WishEntry, Witness } from './witness.ts';

export interface StoredOrder {
  readonly id: string;
  readonly customerId: string;
  readonly status: string;
  readonly currency: string;
  readonly totalMinor: number;
  readonly failure: Failure | null;
  readonly payment: 'automatic' | 'manual';
  readonly paymentRequested: boolean;
  readonly paidMinor: number;
  readonly refunds: readonly { readonly id: string; readonly amountMinor: number; readonly status: string }[];
  readonly cancellation: { readonly status: string } | null;
  readonly version: number;
  readonly processingSequence: number;
  /** Sequence of the last message that was announced about it. */
  readonly eventSequence: number;
}

export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly recoverable: boolean;
}

export interface HistoryEntry {
  readonly orderId: string;
  readonly version: number;
  readonly type: string;
  /** The refund it is about, if it is about one. */
  readonly refundId: string | null;
}

export interface OutboxEntry {
  readonly messageId: string;
  readonly orderId: string;
  readonly type: string;
  readonly sequence: number;
  readonly payload: string;
  readonly published: boolean;
}

export interface InboxEntry {
  readonly messageId: string;
  readonly orderId: string;
  readonly type: string;
  readonly sequence: number;
  readonly outcome: string;
  readonly receivedAt: Date;
}

export interface StoredSaga {
  readonly orderId: string;
  readonly state: string;
  readonly failure: Failure | null;
  readonly trouble: { readonly code: string } | null;
  readonly cancelRequested: boolean;
  readonly refunds: readonly { readonly id: string; readonly amountMinor: number; readonly state: string }[];
  readonly eventSequence: number;
  readonly deadlineAt: Date | null;
}

export interface Line {
  readonly orderId: string;
  readonly sku: string;
  readonly quantity: number;
}

export interface StockCount {
  readonly sku: string;
  readonly onHand: number;
  readonly reserved: number;
  readonly shipped: number;
}

/** What was left undone on purpose, so that it may stay so. */
export interface Leave {
  /** Some sagas wait for an operator. */
  readonly attention?: boolean;
}

/** Everything that is known about a system that has come to rest, from inside and from outside. */
export interface Evidence {
  readonly leave: Leave;
  /** When it was gathered, by the clock of processor_db. */
  readonly at: Date;
  readonly log: readonly LogEntry[];
  readonly wishes: readonly WishEntry[];
  readonly openingStock: ReadonlyMap<string, number>;
  readonly tapped: readonly TappedMessage[];
  readonly ledger: readonly LedgerEntry[];
  readonly orders: readonly StoredOrder[];
  /** One line per order and SKU, however often the SKU was listed. */
  readonly orderLines: readonly Line[];
  readonly history: readonly HistoryEntry[];
  readonly inbox: readonly InboxEntry[];
  /** Ids of the reports about operators that the order-service took down. */
  readonly operatorActions: ReadonlySet<string>;
  /** What the order-service announced. */
  readonly announced: readonly OutboxEntry[];
  readonly sagas: readonly StoredSaga[];
  readonly stock: readonly StockCount[];
  readonly reservations: readonly (Line & { readonly state: string })[];
  /** What the processor announced. */
  readonly replied: readonly OutboxEntry[];
  /** Ids of the messages by which operators replaced others. */
  readonly edited: ReadonlySet<string>;
  /** Ids of the messages in the dead-letter queues. */
  readonly deadOrders: ReadonlySet<string>;
  readonly deadRequests: ReadonlySet<string>;
  readonly deadReplies: ReadonlySet<string>;
}

/** Gathers it without changing anything. */
export async function collectEvidence(
  system: TestSystem,
  witness: Witness,
  leave: Leave = {},
): Promise<Evidence> {
  const { orderDatabase, processorDatabase, broker } = system;
  const inOrders = <Row extends object>(sql: string): Promise<Row[]> => select(orderDatabase.pool, sql);
  const inProcessor = <Row extends object>(sql: string): Promise<Row[]> =>
    select(processorDatabase.pool, sql);
  const ids = (rows: readonly { id: string }[]): ReadonlySet<string> => new Set(rows.map(({ id }) => id));
  const [clock] = await inProcessor<{ at: Date }>('SELECT now() AS at');
  return {
    leave,
    at: clock?.at ?? new Date(),
    log: witness.log,
    wishes: witness.wishes,
    openingStock: witness.openingStock,
    tapped: await witness.tapped(),
    ledger: await readLedger(system.urls.sandbox),
    orders: await inOrders(`
      SELECT id, customer_id AS "customerId", status, currency, total_minor::float8 AS "totalMinor", failure, payment,
             payment_requested AS "paymentRequested", paid_minor::float8 AS "paidMinor", refunds, cancellation, version,
             processing_sequence AS "processingSequence", event_sequence AS "eventSequence"
      FROM orders`),
    orderLines: await inOrders(`
      SELECT order_id AS "orderId", sku, sum(quantity)::int AS quantity FROM order_items GROUP BY order_id, sku`),
    history: await inOrders(`
      SELECT order_id AS "orderId", version, type, data ->> 'refundId' AS "refundId"
      FROM order_events ORDER BY order_id, version`),
    inbox: await inOrders(`
      SELECT message_id AS "messageId", order_id AS "orderId", type, sequence, outcome, received_at AS "receivedAt"
      FROM inbox ORDER BY order_id, sequence`),
    operatorActions: ids(await inOrders('SELECT message_id AS id FROM operator_actions')),
    announced: await inOrders(outboxQuery),
    sagas: await inProcessor(`
      SELECT order_id AS "orderId", state, failure, trouble, cancel_requested AS "cancelRequested", refunds,
             event_sequence AS "eventSequence", deadline_at AS "deadlineAt"
      FROM sagas`),
    stock: await inProcessor(`SELECT sku, on_hand AS "onHand", reserved, shipped FROM stock`),
    reservations: await inProcessor(`SELECT order_id AS "orderId", sku, quantity, state FROM reservations`),
    replied: await inProcessor(outboxQuery),
    edited: ids(
      await inProcessor('SELECT replaced_by AS id FROM operator_actions WHERE replaced_by IS NOT NULL'),
    ),
    deadOrders: await messageIdsIn(broker.url, deadLetterQueueOf(queues.orderCreated)),
    deadRequests: await messageIdsIn(broker.url, deadLetterQueueOf(queues.orderRequests)),
    deadReplies: await messageIdsIn(broker.url, deadLetterQueueOf(queues.orderProcessed)),
  };
}

const outboxQuery = `
  SELECT message_id AS "messageId", order_id AS "orderId", type, sequence, payload,
         published_at IS NOT NULL AS published
  FROM outbox ORDER BY order_id, sequence`;

async function select<Row extends object>(
  pool: { query(sql: string): Promise<{ rows: unknown[] }> },
  sql: string,
): Promise<Row[]> {
  return (await pool.query(sql)).rows as Row[];
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

async function messageIdsIn(brokerUrl: string, queue: string): Promise<ReadonlySet<string>> {
  const ids = new Set<string>();
  for await (const { message } of browseQueue(brokerUrl, queue)) ids.add(message.messageId);
  return ids;
}
