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

export type WishName = 'cancel' | 'pay' | 'refund' | 'fulfil';

/** What somebody wanted of an order, and whether the order-service took it. */
export interface WishEntry {
  readonly orderId: string;
  readonly wish: WishName;
  /** Of a refund that names itself. */
  readonly refundId?: string;
  /** `undefined`: nobody knows. */
  readonly status: number | undefined;
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
  readonly payment?: 'automatic' | 'manual';
  readonly items: readonly { readonly sku: string; readonly quantity: number; readonly unitPrice: Money }[];
}

/**
 * Stands outside of the system and remembers what it was told: the answers to its own requests, everything that was
 * published, and what was in stock at the beginning.
 */
export interface Witness {
  readonly log: readonly LogEntry[];
  readonly wishes: readonly WishEntry[];
  /** Pieces of each SKU, wherever they were. */
  readonly openingStock: ReadonlyMap<string, number>;
  /** Places an order as a customer of its own, and never throws. */
  place(request: OrderRequest, baseUrl?: string): Promise<Answer>;
  /** Takes down what somebody else was told. */
  remember(entry: LogEntry): void;
  /** Asks for something to be done about an order, gives the status of the answer if there was one, and never throws. */
  ask(orderId: string, wish: WishName, options?: AskOptions): Promise<number | undefined>;
  /** Everything published since the beginning, in order, repetitions included. */
  tapped(): Promise<readonly TappedMessage[]>;
}

export interface AskOptions {
  readonly body?: Readonly<Record<string, unknown>> & { readonly refundId?: string };
  readonly baseUrl?: string;
}

const requestTimeoutMs = 10_000;

/** Call it before anything happens in the system: it knows only of what comes after. Stock is not restocked from then on. */
export async function watch(system: TestSystem): Promise<Witness> {
  const log: LogEntry[] = [];
  const wishes: WishEntry[] = [];
  const tap = await createTap(system.broker.url);
  return {
    log,
    wishes,
    openingStock: await countStock(system),
    tapped: tap.read,
    async place({ items, payment = 'automatic' }, baseUrl = system.urls.order) {
      const customerId = `customer-${randomUUID()}`;
      const totalMinor = items.reduce(
        (sum, { quantity, unitPrice }) => sum + quantity * unitPrice.amountMinor,
        0,
      );
      const answer = readPlacing(
        await post(`${baseUrl}/orders`, { customerId, currency: 'EUR', items, payment }),
      );
      log.push({ customerId, totalMinor, answer });
      return answer;
    },
    remember: (entry) => void log.push(entry),
    async ask(orderId, wish, { body = {}, baseUrl = system.urls.order } = {}) {
      const answer = await post(`${baseUrl}/orders/${orderId}/${wish}`, body);
      const status = 'status' in answer ? answer.status : undefined;
      const named = body.refundId === undefined ? {} : { refundId: body.refundId };
      wishes.push({ orderId, wish, status, ...named });
      return status;
    },
  };
}

type Reply = { readonly status: number; readonly body: unknown } | { readonly reason: string };

async function post(url: string, body: unknown): Promise<Reply> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(requestTimeoutMs),
    });
    return { status: response.status, body: await response.json() };
  } catch (error) {
    const { message, cause } = error as Error;
    return { reason: cause instanceof Error ? cause.message : message };
  }
}

function readPlacing(reply: Reply): Answer {
  if (!('status' in reply)) return { outcome: 'unknown', reason: reply.reason };
  const { status, body } = reply;
  if (status === 201) return { outcome: 'accepted', orderId: (body as { id: string }).id };
  return status < 500 ? { outcome: 'refused', status } : { outcome: 'unknown', reason: `status ${status}` };
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
