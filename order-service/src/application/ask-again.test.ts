import { describe, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { firstIdAt, newId } from '#shared/kernel/ids.ts';
import { createAskAgain } from './ask-again.ts';
import type { AwaitedOrder, AwaitedOrders } from './ports/awaited-orders.ts';

const now = new Date('2026-01-01T12:00:00Z');
const overdueMs = 60_000;

/** An order_db that holds so many orders; remembers which page was asked for, and what was repeated. */
function shelf(orders: AwaitedOrder[]) {
  const looks: Parameters<AwaitedOrders['next']>[0][] = [];
  const repeated: string[] = [];
  const ask = createAskAgain({
    orders: {
      async next(options) {
        looks.push(options);
        return orders.filter(({ id }) => id > options.after).slice(0, options.limit);
      },
    },
    repeat: async (ids) => {
      repeated.push(...ids);
      return ids.length;
    },
    overdueMs,
    clock: () => now,
    logger: pino({ level: 'silent' }),
  });
  return { looks, repeated, ask };
}

const awaited = (isDue: boolean): AwaitedOrder => ({ id: newId(), status: 'pending', isDue });
const many = (count: number, isDue: boolean) => Array.from({ length: count }, () => awaited(isDue));

describe('asking again', () => {
  test('repeats what is due among orders that are old enough to be, and nothing else', async () => {
    const [first, second, third] = [awaited(true), awaited(false), awaited(true)];
    const { looks, repeated, ask } = shelf([first, second, third]);
    expect(await ask()).toBe(false);
    expect(repeated).toEqual([first.id, third.id]);
    expect(looks).toMatchObject([{ until: firstIdAt(now.getTime() - overdueMs), overdueMs }]);
  });

  test('goes through more orders than fit a page at once, and begins anew behind the last', async () => {
    const orders = [...many(1_000, false), ...many(500, false), awaited(true)];
    const { looks, repeated, ask } = shelf(orders);
    expect(await ask()).toBe(true);
    expect(repeated).toEqual([]);
    expect(await ask()).toBe(false);
    expect(repeated).toEqual([orders.at(-1)?.id]);
    await ask();
    const [begin, middle] = [firstIdAt(0), orders[999]?.id];
    expect(looks.map(({ after }) => after)).toEqual([begin, middle, begin]);
  });

  test('asks about a hundred orders in a turn, and goes on with the next ones in the next', async () => {
    const orders = many(250, true);
    const { repeated, ask } = shelf(orders);
    const turns: number[] = [];
    for (let turn = 0; turn < 3; turn += 1) {
      expect(await ask()).toBe(false);
      turns.push(repeated.length);
    }
    expect(turns).toEqual([100, 200, 250]);
    expect(repeated).toEqual(orders.map(({ id }) => id));
  });
});
