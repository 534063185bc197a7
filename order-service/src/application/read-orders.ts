import { type Caller, mayActFor, mayActForAll } from '#shared/auth/caller.ts';
import { AppError } from '#shared/kernel/errors.ts';
import type { Page } from '#shared/kernel/page.ts';
import type { Order } from '../domain/order.ts';
import { pageById, readCursor } from './paging.ts';
import type { OrderQuery, OrderRepository, TimelineEntry } from './ports/order-repository.ts';

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
      const before = readCursor(cursor);
      const customerId = filter.customerId ?? (mayActForAll(caller) ? undefined : caller.subject);
      if (customerId !== undefined && !mayActFor(caller, customerId)) return { items: [] };
      // One more than asked for tells whether there is a next page.
      return pageById(await orders.list({ ...filter, customerId, before, limit: limit + 1 }), limit);
    },
  };
}

export function orderNotFound(id: string): AppError {
  return new AppError({ code: 'ORDER_NOT_FOUND', kind: 'rejected', message: `there is no order ${id}` });
}
