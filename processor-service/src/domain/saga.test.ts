import { describe, expect, test } from '@jest/globals';
import { paymentKeyOf, type Refund, type Saga, type SagaState } from './saga.ts';
import { deadlineAfter, type SagaEvent } from './saga-events.ts';
import { advance, sagaSteps } from './saga-steps.ts';
import { someTime as now, sagaIn, someOrder } from './testing/sagas.ts';

const technical = { code: 'PAYMENT_UNAVAILABLE', message: 'away', recoverable: true };
const business = { code: 'PAYMENT_DECLINED', message: 'no money', recoverable: false };
const trouble = { code: 'PAYMENT_PROTOCOL_ERROR', message: 'no', at: now.toISOString() };
const cancel: SagaEvent = { type: 'cancelRequested' };
const captured: SagaEvent = { type: 'paymentCaptured', run: 0, paymentId: 'pay_1' };
const compensated: SagaEvent = { type: 'compensated', run: 0 };
const manual = { order: { ...someOrder, payment: 'manual' as const }, paymentRequested: false };

const refund = (id: string, amountMinor: number, state: Refund['state'] = 'requested'): Refund => ({
  id,
  amountMinor,
  reason: 'because',
  state,
});
const ask = (id: string, amountMinor: number): SagaEvent => ({
  type: 'refundRequested',
  refund: { id, amountMinor, reason: 'because' },
});

/** Takes the events one after the other; those that mean nothing are left out. */
function after(saga: Saga, ...events: readonly SagaEvent[]): Saga {
  return events.reduce((current, event) => advance(current, event, now)?.saga ?? current, saga);
}

describe('the saga', () => {
  test('reserves, pays and confirms', () => {
    const reserved = advance(sagaIn('started'), { type: 'stockReserved' }, now);
    expect(reserved).toMatchObject({ saga: { state: 'reserved' }, stock: 'reserve', announce: ['reserved'] });
    expect(advance(sagaIn('reserved'), captured, now)).toMatchObject({
      saga: { state: 'completed', paymentId: 'pay_1' },
      stock: 'ship',
      announce: ['paid', 'processed'],
    });
  });

  test('releases the stock of a declined payment', () => {
    const declined: SagaEvent = { type: 'paymentDeclined', run: 0, failure: business };
    expect(advance(sagaIn('reserved'), declined, now)).toMatchObject({
      saga: { state: 'failed', failure: business },
      stock: 'release',
      announce: ['processed'],
    });
  });

  test('keeps the stock of a saga that was given up until its money is made sure of', () => {
    const given = advance(sagaIn('reserved'), { type: 'gaveUp', replays: 0, failure: technical }, now);
    expect(given).toMatchObject({ saga: { state: 'compensating' }, stock: undefined, announce: [] });
    expect(advance(sagaIn('compensating', { failure: technical }), compensated, now)).toMatchObject({
      saga: { state: 'failed', failure: technical },
      stock: 'release',
      announce: ['processed'],
    });
  });

  test('starts again only after a recoverable failure', () => {
    const restart: SagaEvent = { type: 'restarted', replays: 5 };
    expect(advance(sagaIn('failed', { failure: business }), restart, now)).toBeUndefined();
    const again = advance(sagaIn('failed', { failure: technical }), restart, now);
    expect(again?.saga).toMatchObject({ state: 'started', run: 1, replays: 5, failure: null });
  });

  test('gives every run a payment key of its own', () => {
    expect(paymentKeyOf(sagaIn('reserved', { run: 1 }))).not.toBe(paymentKeyOf(sagaIn('reserved')));
  });

  test('believes nothing that was learned about an earlier run', () => {
    const events: readonly SagaEvent[] = [
      captured,
      { type: 'paymentDeclined', run: 0, failure: business },
      { type: 'gaveUp', replays: 0, failure: technical },
      { type: 'attemptFailed', run: 0, trouble, retryAt: now, counts: true },
    ];
    for (const event of events) {
      expect(advance(sagaIn('reserved', { run: 1, replays: 1 }), event, now)).toBeUndefined();
    }
    for (const event of [compensated, { type: 'stuck', run: 0, trouble } as const]) {
      expect(advance(sagaIn('compensating', { run: 1 }), event, now)).toBeUndefined();
    }
    const expired: SagaEvent = { type: 'paymentExpired', run: 0, failure: business };
    expect(advance(sagaIn('awaiting_payment', { run: 1 }), expired, now)).toBeUndefined();
  });

  test('holds stock exactly while the order may still become or stay one that is paid', () => {
    const holds: Partial<Record<SagaState, string>> = {
      awaiting_payment: 'reserved',
      reserved: 'reserved',
      compensating: 'reserved',
      needs_attention: 'reserved',
      completed: 'shipped',
    };
    const movement: Record<string, string | undefined> = {
      'none → reserved': 'reserve',
      'reserved → none': 'release',
      'reserved → shipped': 'ship',
      'shipped → none': 'restock',
    };
    for (const step of sagaSteps) {
      const [before = 'none', next = 'none'] = [holds[step.in], holds[step.next]];
      expect([step, step.stock]).toEqual([step, movement[`${before} → ${next}`]]);
    }
  });

  test('says how it ended whenever it ends, and only then', () => {
    const ends: Partial<Record<SagaState, string>> = {
      completed: 'processed',
      failed: 'processed',
      cancelled: 'cancelled',
      refunded: 'refunded',
    };
    for (const step of sagaSteps.filter(({ in: state, next }) => state !== next)) {
      const said = (step.announce ?? []).filter((announcement) => Object.values(ends).includes(announcement));
      expect([step, said]).toEqual([step, ends[step.next] ? [ends[step.next]] : []]);
    }
  });
});

describe('a manual payment', () => {
  test('waits with its stock reserved until it is asked for', () => {
    const waiting = advance(sagaIn('started', manual), { type: 'stockReserved' }, now);
    expect(waiting).toMatchObject({
      saga: { state: 'awaiting_payment' },
      stock: 'reserve',
      announce: ['reserved'],
    });
    const asked = advance(sagaIn('awaiting_payment', manual), { type: 'paymentRequested' }, now);
    expect(asked).toMatchObject({ saga: { state: 'reserved', paymentRequested: true }, announce: [] });
  });

  test('does not wait when it was asked for before the order arrived', () => {
    const known = sagaIn('started', { ...manual, paymentRequested: true });
    expect(after(known, { type: 'stockReserved' }).state).toBe('reserved');
  });

  test('fails for good, and releases its stock, when its window is over', () => {
    const failure = { code: 'PAYMENT_EXPIRED', message: 'late', recoverable: false };
    const expired = advance(
      sagaIn('awaiting_payment', manual),
      { type: 'paymentExpired', run: 0, failure },
      now,
    );
    expect(expired).toMatchObject({ saga: { state: 'failed', failure }, stock: 'release' });
    expect(advance(sagaIn('reserved'), { type: 'paymentExpired', run: 0, failure }, now)).toBeUndefined();
  });
});

describe('a cancellation', () => {
  test('of an order that nobody has heard of leaves a saga that nothing moves any more', () => {
    const cancelled = advance(sagaIn('started'), cancel, now);
    expect(cancelled).toMatchObject({
      saga: { state: 'cancelled' },
      stock: undefined,
      announce: ['cancelled'],
    });
    const events: readonly SagaEvent[] = [
      { type: 'stockReserved' },
      { type: 'paymentRequested' },
      captured,
      { type: 'gaveUp', replays: 1, failure: technical },
      { type: 'restarted', replays: 1 },
      cancel,
      { type: 'resumed' },
    ];
    for (const event of events) expect(advance(sagaIn('cancelled'), event, now)).toBeUndefined();
  });

  test('is immediate before the payment was asked for', () => {
    expect(advance(sagaIn('awaiting_payment', manual), cancel, now)).toMatchObject({
      saga: { state: 'cancelled' },
      stock: 'release',
      announce: ['cancelled'],
    });
  });

  test('during a charge is noted, and announced only when the money is made sure of', () => {
    const noted = advance(sagaIn('reserved'), cancel, now);
    expect(noted).toMatchObject({ saga: { state: 'compensating' }, stock: undefined, announce: [] });
    const saga = noted?.saga as Saga;
    expect(advance(saga, captured, now)).toBeUndefined();
    expect(advance(saga, compensated, now)).toMatchObject({
      saga: { state: 'cancelled' },
      stock: 'release',
      announce: ['cancelled'],
    });
  });

  test('takes precedence over a failure that is being undone or waits for a replay', () => {
    const givenUp = sagaIn('compensating', { failure: technical });
    expect(after(givenUp, cancel, compensated).state).toBe('cancelled');
    const stuck = sagaIn('needs_attention', { failure: technical });
    expect(after(stuck, cancel, { type: 'resumed' }, compensated).state).toBe('cancelled');
    const failed = advance(sagaIn('failed', { failure: technical }), cancel, now);
    expect(failed).toMatchObject({ saga: { state: 'cancelled' }, announce: ['cancelled'], stock: undefined });
  });

  test.each([
    ['a capture', sagaIn('completed')],
    ['a full refund', sagaIn('refunded')],
    ['a failure for good', sagaIn('failed', { failure: business })],
  ])('after %s is rejected, once', (_what, saga) => {
    const rejected = advance(saga, cancel, now);
    expect(rejected).toMatchObject({ saga: { state: saga.state }, announce: ['cancel_rejected'] });
    expect(advance(rejected?.saga as Saga, cancel, now)).toBeUndefined();
  });

  test('that was asked for before means nothing', () => {
    expect(advance(after(sagaIn('reserved'), cancel), cancel, now)).toBeUndefined();
  });
});

describe('a refund', () => {
  const paid = sagaIn('completed', { paymentId: 'pay_1' });

  test('of a part leaves the order completed, and one of the rest brings the stock back', () => {
    const asked = after(paid, ask('a', 30), ask('b', 70));
    expect(asked.refunds).toEqual([refund('a', 30), refund('b', 70)]);
    const first = advance(asked, { type: 'refundSettled', refundId: 'b' }, now);
    expect(first).toMatchObject({
      saga: { state: 'completed' },
      stock: undefined,
      announce: ['refunded'],
    });
    const last = advance(first?.saga as Saga, { type: 'refundSettled', refundId: 'a' }, now);
    expect(last).toMatchObject({ saga: { state: 'refunded' }, stock: 'restock', announce: ['refunded'] });
  });

  test('is rejected when more is asked for than is left, whatever of it is on its way or stuck', () => {
    const some = { ...paid, refunds: [refund('a', 30, 'needs_attention'), refund('b', 30)] };
    const rejected = advance(some, ask('c', 41), now);
    expect(rejected?.announce).toEqual(['refund_rejected']);
    // What was rejected takes nothing away from the next one.
    expect(advance(rejected?.saga as Saga, ask('d', 40), now)?.announce).toEqual([]);
  });

  test('is rejected where no money is held', () => {
    const states: readonly SagaState[] = [
      'awaiting_payment',
      'reserved',
      'compensating',
      'needs_attention',
      'failed',
      'cancelled',
      'refunded',
    ];
    for (const state of states) {
      expect(advance(sagaIn(state), ask('a', 1), now)).toMatchObject({
        saga: { state, refunds: [refund('a', 1, 'rejected')] },
        announce: ['refund_rejected'],
      });
    }
  });

  test('that was asked for or settled before means nothing', () => {
    const asked = after(paid, ask('a', 30));
    expect(advance(asked, ask('a', 30), now)).toBeUndefined();
    const settled = after(asked, { type: 'refundSettled', refundId: 'a' });
    expect(advance(settled, ask('a', 30), now)).toBeUndefined();
    expect(advance(settled, { type: 'refundSettled', refundId: 'a' }, now)).toBeUndefined();
    expect(advance(settled, { type: 'refundStuck', refundId: 'a', trouble }, now)).toBeUndefined();
  });

  test('that is stuck is asked for again by an operator, and counts even if it settles before', () => {
    const stuck = after(paid, ask('a', 30), { type: 'refundStuck', refundId: 'a', trouble });
    expect(stuck.refunds).toEqual([{ ...refund('a', 30, 'needs_attention'), trouble }]);
    expect(after(stuck, { type: 'resumed' }).refunds).toEqual([refund('a', 30)]);
    expect(after(stuck, { type: 'refundSettled', refundId: 'a' }).refunds).toEqual([
      refund('a', 30, 'refunded'),
    ]);
    expect(advance(paid, { type: 'resumed' }, now)).toBeUndefined();
  });
});

describe('attempts', () => {
  const retryAt = new Date(now.getTime() + 5_000);
  const failed: SagaEvent = { type: 'attemptFailed', run: 0, trouble, retryAt, counts: true };
  const patience = { processingMs: 60_000, paymentWindowMs: 600_000, handsOnMs: 1_000 };
  const dueAfter = (saga: Saga, event: SagaEvent): number | undefined => {
    const step = advance(saga, event, now);
    const due = step && deadlineAfter(step.saga, event, now, patience);
    return due ? due.getTime() - now.getTime() : undefined;
  };

  test('are counted with their reason, and anew for what comes next', () => {
    const tried = after(sagaIn('compensating'), failed, failed);
    expect(tried).toMatchObject({ attempts: 2, trouble, deadlineAt: retryAt });
    expect(after(tried, { type: 'stuck', run: 0, trouble })).toMatchObject({ attempts: 3, trouble });
    expect(after(tried, compensated)).toMatchObject({ attempts: 0, trouble: null });
    expect(after(sagaIn('reserved'), failed, cancel)).toMatchObject({ attempts: 0, trouble: null });
  });

  test('that were not made because the provider is away do not count', () => {
    const tried = after(sagaIn('compensating'), { ...failed, counts: false });
    expect(tried).toMatchObject({ attempts: 0, trouble });
  });

  test('that are due stay due when a customer only adds a wish', () => {
    const owing = after(sagaIn('completed'), ask('a', 10), failed);
    expect(after(owing, ask('b', 10), cancel)).toMatchObject({ attempts: 1, trouble, deadlineAt: retryAt });
    expect(dueAfter(owing, ask('b', 10))).toBe(5_000);
  });

  test('have a time for every state that goes on, and none for one that does not', () => {
    expect(dueAfter(sagaIn('started'), { type: 'stockReserved' })).toBe(60_000);
    expect(dueAfter(sagaIn('started', manual), { type: 'stockReserved' })).toBe(600_000);
    expect(dueAfter(sagaIn('reserved'), cancel)).toBe(1_000);
    expect(dueAfter(sagaIn('compensating'), failed)).toBe(5_000);
    expect(dueAfter(sagaIn('needs_attention'), { type: 'resumed' })).toBe(0);
    expect(dueAfter(sagaIn('completed'), ask('a', 10))).toBe(1_000);
    expect(dueAfter(sagaIn('completed'), ask('a', 101))).toBeUndefined();
    expect(dueAfter(sagaIn('reserved'), captured)).toBeUndefined();
    expect(
      dueAfter(after(sagaIn('compensating'), failed), { type: 'stuck', run: 0, trouble }),
    ).toBeUndefined();
    expect(dueAfter(after(sagaIn('compensating'), failed), compensated)).toBeUndefined();
  });
});
