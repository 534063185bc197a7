import type { OrderMessage } from '../contracts/order-events.ts';

/** A row of the outbox as it is inserted; the column names are those of the table. */
export interface OutboxRow {
  readonly message_id: string;
  readonly order_id: string;
  readonly shard: number;
  readonly type: string;
  readonly sequence: number;
  readonly correlation_id: string;
  readonly payload: string;
  readonly created_at: string;
}

/** Into how many parts the outbox is divided among relays. */
export const shardCount = 16;

/** Messages of one order share a shard, and so a relay: the last hexadecimal digit of a UUID is random. */
export function shardOf(orderId: string): number {
  return Number.parseInt(orderId.slice(-1), 16) % shardCount;
}

/** The row that announces `event`, to be inserted in the transaction that makes it true. */
export function toOutboxRow(event: OrderMessage): OutboxRow {
  return {
    message_id: event.id,
    order_id: event.subject,
    shard: shardOf(event.subject),
    type: event.type,
    sequence: event.sequence,
    correlation_id: event.correlationid,
    payload: JSON.stringify(event),
    created_at: event.time,
  };
}
