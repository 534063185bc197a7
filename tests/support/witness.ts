import { randomUUID } from 'node:crypto';
import { connect } from 'amqplib';
import { exchanges } from '#shared/contracts/topology.ts';
import type { TestSystem } from './system.ts';

/** What a client was told about one order it asked for. Whoever got no clear answer knows nothing. */
export type Answer =
  | { readonly outcome: 'accepted'; readonly orderId: string }
  | { readonly outcome: 'refused'; readonly status: number }
  | { readonly outcome: 'unknown'; readonly reason: string };

/** One request. Its customer asks for nothing else, so that the order can be found without its id. */
export interface LogEntry {
  readonly customerId: string;
  readonly totalMinor: number;
  readonly answer: Answer;
}

/** A message as everybody saw it who listened to the exchange. */
export interface TappedMessage {
  readonly messageId: string;
  readonly type: string;
  readonly subject: string;
  readonly body: string;
}

export type Money = { readonly amountMinor: number; readonly currency: string };
export interface OrderRequest {
  readonly items: readonly { readonly sku: string; readonly quantity: number; readonly unitPrice: Money }[];
}

/**
 * Stands outside of the system and remembers what it was told: the answers to its own requests, everything that was
 * published, and what was in stock at the beginning.
 */
export interface Witness {
  readonly log: readonly LogEntry[];
  /** Pieces of each SKU, wherever they were. */
  readonly openingStock: ReadonlyMap<string, number>;
  /** Places an order as a customer of its own, and never throws. */
  place(request: OrderRequest, baseUrl?: string): Promise<Answer>;
  /** Everything published since the beginning, in order, repetitions included. */
  tapped(): Promise<readonly TappedMessage[]>;
}

const requestTimeoutMs = 10_000;

/** Call it before anything happens in the system: it knows only of what comes after. Stock is not restocked from then on. */
export async function watch(system: TestSystem): Promise<Witness> {
  const log: LogEntry[] = [];
  const tap = await createTap(system.broker.url);
  return {
    log,
    openingStock: await countStock(system),
    tapped: tap.read,
    async place({ items }, baseUrl = system.urls.order) {
      const customerId = `customer-${randomUUID()}`;
      const totalMinor = items.reduce(
        (sum, { quantity, unitPrice }) => sum + quantity * unitPrice.amountMinor,
        0,
      );
      const answer = await ask(`${baseUrl}/orders`, { customerId, currency: 'EUR', items });
      log.push({ customerId, totalMinor, answer });
      return answer;
    },
  };
}

async function ask(url: string, body: unknown): Promise<Answer> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(requestTimeoutMs),
    });
    const answer = (await response.json()) as { id: string };
    if (response.status === 201) return { outcome: 'accepted', orderId: answer.id };
    if (response.status < 500) return { outcome: 'refused', status: response.status };
    return { outcome: 'unknown', reason: `status ${response.status}` };
  } catch (error) {
    const { message, cause } = error as Error;
    return { outcome: 'unknown', reason: cause instanceof Error ? cause.message : message };
  }
}

/**
 * A queue of its own that gets everything. Messages rest in it until they are asked for, so that the tap, like a
 * consumer should, misses nothing while the broker is away.
 */
async function createTap(brokerUrl: string): Promise<{ read(): Promise<readonly TappedMessage[]> }> {
  const queue = `tap-${randomUUID()}`;
  const seen: TappedMessage[] = [];
  const connection = await connect(brokerUrl, { noDelay: true });
  const channel = await connection.createChannel();
  await channel.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': 'quorum' } });
  await channel.bindQueue(queue, exchanges.orders, '#');
  await connection.close();

  return {
    async read() {
      const connection = await connect(brokerUrl, { noDelay: true });
      const channel = await connection.createChannel();
      for (;;) {
        const delivered = await channel.get(queue, { noAck: true });
        if (!delivered) break;
        seen.push(toTapped(delivered.properties, delivered.content.toString()));
      }
      await connection.close();
      return seen;
    },
  };
}

function toTapped(properties: { messageId?: string; type?: string }, body: string): TappedMessage {
  const { messageId = '', type = '' } = properties;
  return { messageId, type, subject: subjectOf(body), body };
}

function subjectOf(body: string): string {
  try {
    return String((JSON.parse(body) as { subject?: unknown }).subject);
  } catch {
    return '';
  }
}

async function countStock({ processorDatabase }: TestSystem): Promise<ReadonlyMap<string, number>> {
  const { rows } = await processorDatabase.pool.query<{ sku: string; pieces: number }>(
    'SELECT sku, on_hand + reserved + shipped AS pieces FROM stock',
  );
  return new Map(rows.map(({ sku, pieces }) => [sku, pieces]));
}
