import { describe, expect, test } from '@jest/globals';
import { type Caller, type Scope, scopes } from '#shared/auth/caller.ts';
import { systemClock } from '#shared/kernel/clock.ts';
import type { Order } from '../domain/order.ts';
import { orderWith } from '../domain/testing/orders.ts';
import type { OrderUpdates } from './order-updates.ts';
import type { HistoryEntry } from './ports/order-progress.ts';
import { orderNotFound } from './read-orders.ts';
import { createWatchOrder, mostWatchesPerCustomer } from './watch-order.ts';

const day = 86_400_000;
const entry: HistoryEntry = {
  at: new Date(),
  kind: 'history',
  type: 'reserved',
  detail: { version: 3, actor: 'test', correlationId: 'c', traceId: 't', data: {} },
};
const callerUntil = (expiresAt?: Date): Caller => ({
  subject: 'ada',
  scopes: new Set(scopes),
  ...(expiresAt ? { expiresAt } : {}),
});

/** Watches an order that `ada` may see; to anybody who does, one entry is told, and then no more. */
function watch(order: Partial<Order>, after: number, caller: Caller = callerUntil()) {
  const gone = new AbortController();
  const orderUpdates: Pick<OrderUpdates, 'watch'> = {
    async *watch(_orderId, { signal }) {
      yield entry;
      await new Promise((resolve) => {
        if (signal.aborted) resolve(undefined);
        signal.addEventListener('abort', resolve);
      });
    },
  };
  const watchOrder = createWatchOrder({
    readOrders: {
      async get(id, { subject }) {
        if (subject !== 'ada') throw orderNotFound(id);
        return orderWith({ version: 2, ...order });
      },
    },
    orderUpdates,
    clock: systemClock,
  });
  const entries = watchOrder({ orderId: 'o-1', after, caller, signal: gone.signal });
  return { entries, leave: () => gone.abort() };
}

async function all(entries: Promise<AsyncIterable<HistoryEntry> | undefined>): Promise<HistoryEntry[]> {
  const told: HistoryEntry[] = [];
  for await (const one of (await entries) ?? []) told.push(one);
  return told;
}

describe('watching an order', () => {
  test('tells what comes behind a version', async () => {
    const { entries, leave } = watch({}, 2);
    const told = all(entries);
    leave();
    expect(await told).toEqual([entry]);
  });

  test('is over where the order has ended and all of it is known', async () => {
    expect(await watch({ status: 'cancelled' }, 2).entries).toBeUndefined();
    expect(await watch({ status: 'cancelled' }, 1).entries).toBeDefined();
    expect(await watch({ status: 'completed' }, 2).entries).toBeDefined();
  });

  test('is refused behind a version that the order has not reached', async () => {
    await expect(watch({}, 3).entries).rejects.toMatchObject({ code: 'VERSION_NOT_REACHED' });
  });

  test('is refused to others as if there were no such order', async () => {
    const { entries } = watch({}, 0, { ...callerUntil(), subject: 'bob' });
    await expect(entries).rejects.toMatchObject({ code: 'ORDER_NOT_FOUND' });
  });

  test('is for so many at a time of one customer, and for any number of operators', async () => {
    const watchOrder = createWatchOrder({
      readOrders: { get: async () => orderWith({}) },
      orderUpdates: { watch: async function* () {} },
      clock: systemClock,
    });
    const watchAs = async (subject: string, granted: readonly Scope[] = ['orders:read']) => {
      const gone = new AbortController();
      const caller = { subject, scopes: new Set(granted) };
      await watchOrder({ orderId: 'o-1', after: 0, caller, signal: gone.signal });
      return gone;
    };
    const first = await watchAs('ada');
    for (let others = 1; others < mostWatchesPerCustomer; others += 1) await watchAs('ada');
    await expect(watchAs('ada')).rejects.toMatchObject({ code: 'TOO_MANY_WATCHERS' });
    await watchAs('bob');
    first.abort();
    await watchAs('ada');
    await expect(watchAs('ada')).rejects.toMatchObject({ code: 'TOO_MANY_WATCHERS' });

    const operators = Array.from({ length: 2 * mostWatchesPerCustomer }, () => watchAs('olivia', scopes));
    await expect(Promise.all(operators)).resolves.toHaveLength(2 * mostWatchesPerCustomer);
  });

  test('ends with the token of the caller', async () => {
    const { entries } = watch({}, 0, callerUntil(new Date(Date.now() + 20)));
    await expect(all(entries)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  });

  test.each([
    ['a minute', new Date(Date.now() + 60_000)],
    ['longer than any timer', new Date(Date.now() + 100 * day)],
  ])('goes on while the token is good for %s, until the caller is gone', async (_howLong, expiresAt) => {
    const { entries, leave } = watch({}, 0, callerUntil(expiresAt));
    const told = all(entries);
    // By now a timer that is too long would have fired.
    await new Promise((resolve) => setTimeout(resolve, 20));
    leave();
    expect(await told).toEqual([entry]);
  });
});
