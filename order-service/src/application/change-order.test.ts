import { expect, test } from '@jest/globals';
import { anonymous } from '#shared/auth/caller.ts';
import { AppError } from '#shared/kernel/errors.ts';
import { orderWith } from '../domain/testing/orders.ts';
import { createChangeOrder } from './change-order.ts';
import type { OrderRepository } from './ports/order-repository.ts';

test('an order is not tried to be changed again once nobody waits for the answer', async () => {
  const order = orderWith();
  const nobodyWaits = new AbortController();
  let attempts = 0;
  const orders = {
    find: async () => order,
    revise: async () => {
      attempts += 1;
      nobodyWaits.abort();
      throw new AppError({ code: 'CONCURRENT_UPDATE', kind: 'conflict', message: 'another one was faster' });
    },
  } as unknown as OrderRepository;
  const changeOrder = createChangeOrder({
    orders,
    runOnce: async (_request, work) => ({ order: (await work()).order, replayed: false }),
    clock: () => new Date(),
    failpoint: () => undefined,
    announce: () => undefined,
  });
  const changing = changeOrder({
    orderId: order.id,
    command: { type: 'cancel', reason: '' },
    caller: anonymous,
    cause: { correlationId: 'c', traceparent: 't' },
    isExpected: () => true,
    signal: nobodyWaits.signal,
  });
  await expect(changing).rejects.toMatchObject({ name: 'AbortError' });
  expect(attempts).toBe(1);
});
