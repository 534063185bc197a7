import { expect, test } from '@jest/globals';
import { createBatcher } from '../kernel/batcher.ts';
import { beginWork, factsAtHand, goOnUnder, learn, traceparentAtHand } from './work-at-hand.ts';

const traceparent = (digit: string) => `00-${digit.repeat(32)}-${digit.repeat(16)}-01`;

test('work knows what it is about through everything it waits for, and nothing of what goes on beside it', async () => {
  const look = async (orderId: string, digit: string) => {
    await beginWork({ correlationId: digit }, traceparent(digit), async () => {
      await new Promise((resolve) => setImmediate(resolve));
      learn({ orderId });
      await goOnUnder(traceparent('c'), async () => {
        await Promise.resolve();
        expect(factsAtHand()).toEqual({ correlationId: digit, orderId, traceId: 'c'.repeat(32) });
      });
      expect(factsAtHand()).toEqual({ correlationId: digit, orderId, traceId: digit.repeat(32) });
    });
  };
  await Promise.all([look('one', 'a'), look('two', 'b')]);
  expect(factsAtHand()).toEqual({});
});

test('a set is on behalf of nobody, whoever was first in it', async () => {
  const inSets: unknown[] = [];
  const batcher = createBatcher<string, string>({
    async run(items) {
      inSets.push(factsAtHand());
      return items;
    },
    maxSize: 10,
  });
  const parents = await Promise.all(
    ['a', 'b'].map((digit) =>
      beginWork({ orderId: digit }, traceparent(digit), async () => {
        await batcher.add(digit);
        return traceparentAtHand();
      }),
    ),
  );
  expect(inSets).toEqual([{}]);
  expect(parents).toEqual([traceparent('a'), traceparent('b')]);
});
