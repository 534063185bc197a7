import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type OrderToProcess, stockLinesOf } from './order-to-process.ts';
import { advance, paymentKeyOf, type Saga, type SagaEvent, type SagaState, sagaSteps } from './saga.ts';
import { move, type Stock, whyNotReservable } from './stock.ts';

const now = new Date('2026-01-02T03:04:05.678Z');
const later = new Date('2026-01-02T03:05:00.000Z');

const order: OrderToProcess = {
  orderId: '01a1fbf4-b78c-76fb-8985-bfb8b76312a0',
  customerId: 'c-1',
  currency: 'EUR',
  totalMinor: 100,
  items: [
    { sku: 'B', quantity: 1 },
    { sku: 'A', quantity: 2 },
    { sku: 'B', quantity: 3 },
  ],
};

function sagaIn(state: SagaState, changes: Partial<Saga> = {}): Saga {
  return {
    order,
    state,
    run: 0,
    messageId: '01a1fbf4-b78c-76fb-8985-c0f74e8924a3',
    correlationId: 'c',
    traceparent: 't',
    paymentId: null,
    failure: null,
    eventSequence: 0,
    startedAt: now,
    updatedAt: now,
    deadlineAt: later,
    ...changes,
  };
}

const technical = { code: 'PAYMENT_UNAVAILABLE', message: 'away', recoverable: true };
const business = { code: 'PAYMENT_DECLINED', message: 'no money', recoverable: false };
const events: readonly SagaEvent[] = [
  { type: 'stockReserved' },
  { type: 'stockRefused', failure: { code: 'OUT_OF_STOCK', message: 'none', recoverable: false } },
  { type: 'paymentCaptured', paymentId: 'pay_1' },
  { type: 'paymentDeclined', failure: business },
  { type: 'gaveUp', failure: technical },
  { type: 'compensated' },
  { type: 'restarted', run: 1 },
];

describe('the saga', () => {
  test('reserves, pays and confirms', () => {
    const reserved = advance(sagaIn('started'), { type: 'stockReserved' }, now);
    expect(reserved).toMatchObject({ saga: { state: 'reserved' }, stock: 'reserve', announce: ['reserved'] });
    const completed = advance(sagaIn('reserved'), { type: 'paymentCaptured', paymentId: 'pay_1' }, now);
    expect(completed).toMatchObject({
      saga: { state: 'completed', paymentId: 'pay_1', deadlineAt: null },
      stock: 'ship',
      announce: ['paid', 'processed'],
    });
  });

  test('releases the stock of a declined payment', () => {
    expect(advance(sagaIn('reserved'), { type: 'paymentDeclined', failure: business }, now)).toMatchObject({
      saga: { state: 'failed', failure: business, deadlineAt: null },
      stock: 'release',
      announce: ['processed'],
    });
  });

  test('keeps the stock of a saga that was given up until its money is made sure of', () => {
    const given = advance(sagaIn('reserved'), { type: 'gaveUp', failure: technical }, now);
    expect(given).toMatchObject({ saga: { state: 'compensating' }, stock: undefined, announce: [] });
    expect(
      advance(sagaIn('compensating', { failure: technical }), { type: 'compensated' }, now),
    ).toMatchObject({
      saga: { state: 'failed', failure: technical },
      stock: 'release',
      announce: ['processed'],
    });
  });

  test('has nothing left to do once it is completed', () => {
    for (const event of events) expect(advance(sagaIn('completed'), event, now)).toBeUndefined();
  });

  test('starts again only after a recoverable failure, and once per replay', () => {
    const restart: SagaEvent = { type: 'restarted', run: 1 };
    expect(advance(sagaIn('failed', { failure: business }), restart, now)).toBeUndefined();
    expect(advance(sagaIn('failed', { failure: technical, run: 1 }), restart, now)).toBeUndefined();
    const again = advance(sagaIn('failed', { failure: technical }), restart, now);
    expect(again?.saga).toMatchObject({ state: 'started', run: 1, failure: null });
  });

  test('gives every run a payment key of its own', () => {
    expect(paymentKeyOf(sagaIn('reserved', { run: 1 }))).not.toBe(paymentKeyOf(sagaIn('reserved')));
  });

  test('ends every path in a reply, and holds stock exactly while it is reserved or compensating', () => {
    const holding: readonly SagaState[] = ['reserved', 'compensating'];
    for (const [state, steps] of Object.entries(sagaSteps) as [SagaState, (typeof sagaSteps)[SagaState]][]) {
      for (const step of Object.values(steps)) {
        const ends = step.next === 'completed' || step.next === 'failed';
        expect(step.announce.includes('processed')).toBe(ends);
        const before = holding.includes(state);
        const after = holding.includes(step.next);
        if (!before && after) expect(step.stock).toBe('reserve');
        else if (before && !after) expect(['ship', 'release']).toContain(step.stock);
        else expect(step.stock).toBeUndefined();
      }
    }
  });
});

describe('stock', () => {
  const stockOf = (...counts: readonly Stock[]) => new Map(counts.map((count) => [count.sku, count]));
  const held = (sku: string, onHand: number): Stock => ({ sku, onHand, reserved: 0, shipped: 0 });

  test('is taken in one line per SKU, in the order of the SKUs', () => {
    expect(stockLinesOf(order)).toEqual([
      { sku: 'A', quantity: 2 },
      { sku: 'B', quantity: 4 },
    ]);
  });

  test('is refused with the SKU that is not known or does not suffice', () => {
    const lines = stockLinesOf(order);
    expect(whyNotReservable(stockOf(held('A', 2)), lines)).toMatchObject({ code: 'UNKNOWN_SKU' });
    expect(whyNotReservable(stockOf(held('A', 2), held('B', 3)), lines)).toMatchObject({
      code: 'OUT_OF_STOCK',
    });
    expect(whyNotReservable(stockOf(held('A', 2), held('B', 4)), lines)).toBeUndefined();
  });

  test('is never moved below zero', () => {
    expect(() => move(stockOf(held('A', 1)), [{ sku: 'A', quantity: 2 }], 'reserve')).toThrow(
      'cannot reserve',
    );
    expect(() => move(stockOf(held('A', 1)), [{ sku: 'A', quantity: 1 }], 'ship')).toThrow('cannot ship');
  });

  test('is conserved and fully released or shipped, whatever happens to a hundred sagas in whatever order', () => {
    const script = fc.array(fc.tuple(fc.integer({ min: 0, max: 9 }), fc.constantFrom(...events)), {
      maxLength: 100,
    });
    fc.assert(
      fc.property(script, (happenings) => {
        const sagas = new Map<number, Saga>();
        let stock = stockOf(held('A', 9), held('B', 20));
        for (const [which, event] of happenings) {
          const saga = sagas.get(which) ?? sagaIn('started');
          const lines = stockLinesOf(saga.order);
          if (event.type === 'stockReserved' && whyNotReservable(stock, lines)) continue;
          const step = advance(saga, event, now);
          if (!step) continue;
          sagas.set(which, step.saga);
          if (step.stock) stock = new Map([...stock, ...stockOf(...move(stock, lines, step.stock))]);
        }
        for (const [sku, total] of [
          ['A', 9],
          ['B', 20],
        ] as const) {
          const { onHand, reserved, shipped } = stock.get(sku) as Stock;
          const quantity = stockLinesOf(order).find((line) => line.sku === sku)?.quantity ?? 0;
          const inState = (...states: readonly SagaState[]) =>
            [...sagas.values()].filter(({ state }) => states.includes(state)).length;
          expect(onHand + reserved + shipped).toBe(total);
          expect(reserved).toBe(quantity * inState('reserved', 'compensating'));
          expect(shipped).toBe(quantity * inState('completed'));
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
