import { type Caller, mayActFor, mayActForAll } from '#shared/auth/caller.ts';
import { AppError } from '#shared/kernel/errors.ts';
import type { Order } from '../domain/order.ts';
import type { OrderQuery, OrderRepository, TimelineEntry } from './ports/order-repository.ts';

/** One page of a list; `nextCursor` is absent on the last one. */
export interface Page<Item> {
  readonly items: readonly Item[];
  readonly nextCursor?: string;
}

/** Which orders, and from which position on: the `nextCursor` of the page before. */
export interface ListOrdersQuery extends Omit<OrderQuery, 'before'> {
  readonly cursor?: string | undefined;
}

/** The questions one can ask about orders; those of other customers are, for who may not see them, not there. */
export interface ReadOrders {
  /** @throws AppError `ORDER_NOT_FOUND` */
  get(id: string, caller: Caller): Promise<Order>;
  /** @throws AppError `ORDER_NOT_FOUND` */
  timeline(id: string, caller: Caller): Promise<readonly TimelineEntry[]>;
  /** Newest first. @throws AppError `INVALID_CURSOR` */
  list(query: ListOrdersQuery, caller: Caller): Promise<Page<Order>>;
}

export function createReadOrders(dependencies: { orders: OrderRepository }): ReadOrders {
  const { orders } = dependencies;

  async function get(id: string, caller: Caller): Promise<Order> {
    const order = await orders.find(id);
    if (!order || !mayActFor(caller, order.customerId)) throw orderNotFound(id);
    return order;
  }

  return {
    get,
    async timeline(id, caller) {
      await get(id, caller);
      const entries = await orders.timeline(id);
      if (entries.length === 0) throw orderNotFound(id);
      return entries;
    },
    async list({ cursor, limit, ...filter }, caller) {
      const before = cursor === undefined ? undefined : readCursor(cursor);
      const customerId = filter.customerId ?? (mayActForAll(caller) ? undefined : caller.subject);
      if (customerId !== undefined && !mayActFor(caller, customerId)) return { items: [] };
      // One more than asked for tells whether there is a next page.
      const found = await orders.list({ ...filter, customerId, before, limit: limit + 1 });
      const items = found.slice(0, limit);
      const last = items.at(-1);
      return found.length > limit && last ? { items, nextCursor: toCursor(last.id) } : { items };
    },
  };
}

function toCursor(id: string): string {
  return Buffer.from(id.replaceAll('-', ''), 'hex').toString('base64url');
}

/** Ids sort by creation time, so a position in the list is the id of the order before it. */
function readCursor(cursor: string): string {
  const hex = Buffer.from(cursor, 'base64url').toString('hex');
  if (hex.length !== 32) {
    throw new AppError({
      code: 'INVALID_CURSOR',
      kind: 'rejected',
      message: 'use the nextCursor of the previous page as it is',
    });
  }
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

export function orderNotFound(id: string): AppError {
  return new AppError({ code: 'ORDER_NOT_FOUND', kind: 'rejected', message: `there is no order ${id}` });
}
