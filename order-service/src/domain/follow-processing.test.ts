import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { followProcessing, type ProcessingReport, type ReportedEvent } from './follow-processing.ts';
import type { OrderState } from './order.ts';
import { evolve, type OrderEvent } from './order-events.ts';
import { now, orderWith } from './testing/orders.ts';
import { isAllowed } from './transitions.ts';

const pending = orderWith();

const reserved: ReportedEvent = { type: 'reserved' };
const paid: ReportedEvent = { type: 'paid', paymentId: 'pay_1', amountMinor: 100 };
const completed: ReportedEvent = { type: 'completed' };
const brokeDown: ReportedEvent = {
  type: 'failed',
  failure: { code: 'PAYMENT_UNAVAILABLE', message: 'provider away', recoverable: true },
};
const refused: ReportedEvent = {
  type: 'failed',
  failure: { code: 'OUT_OF_STOCK', message: 'none left', recoverable: false },
};

function follow(order: OrderState, ...reports: readonly ProcessingReport[]) {
  return reports.reduce(
    (state, report) => {
      const following = followProcessing(state.order, report, now);
      if (following.outcome === 'early') return { ...state, outcomes: [...state.outcomes, 'early'] };
      const events = following.outcome === 'applied' ? following.events : [];
      return {
        order: following.order,
        outcomes: [...state.outcomes, following.outcome],
        events: [...state.events, ...events],
      };
    },
    { order, outcomes: [] as string[], events: [] as OrderEvent[] },
  );
}

const first = (event: ReportedEvent, sequence: number): ProcessingReport => ({ run: 0, sequence, event });

describe('following the processor', () => {
  test('takes an order from pending through reserved and paid to completed', () => {
    const { order, outcomes } = follow(pending, first(reserved, 1), first(paid, 2), first(completed, 3));
    expect(order).toMatchObject({ status: 'completed', version: 4, processingSequence: 3 });
    expect(outcomes).toEqual(['applied', 'applied', 'applied']);
  });

  test('ignores what it has seen before, without a new version', () => {
    const { order, outcomes } = follow(pending, first(reserved, 1), first(reserved, 1));
    expect(order.version).toBe(2);
    expect(outcomes).toEqual(['applied', 'ignored']);
  });

  test('waits for the report before one that comes early', () => {
    expect(follow(pending, first(paid, 2))).toMatchObject({ outcomes: ['early'], order: pending });
  });

  test('keeps why an order failed', () => {
    const { order } = follow(pending, first(refused, 1));
    expect(order).toMatchObject({ status: 'failed', failure: { code: 'OUT_OF_STOCK', recoverable: false } });
  });

  test('starts a recoverable failure again when a later run reports', () => {
    const { order, events } = follow(
      pending,
      first(reserved, 1),
      first(brokeDown, 2),
      { run: 1, sequence: 3, event: reserved },
      { run: 1, sequence: 4, event: paid },
      { run: 1, sequence: 5, event: completed },
    );
    expect(events.map(({ type }) => type)).toEqual([
      'reserved',
      'failed',
      'retried',
      'reserved',
      'paid',
      'completed',
    ]);
    expect(order).toMatchObject({ status: 'completed', failure: null, processingRun: 1, version: 7 });
  });

  test('never revives an order that failed for a business reason', () => {
    const { order, outcomes } = follow(pending, first(refused, 1), { run: 1, sequence: 2, event: reserved });
    expect(order.status).toBe('failed');
    expect(outcomes).toEqual(['applied', 'ignored']);
  });

  test('follows a cancellation, and one that came too late', () => {
    const requested = orderWith({ status: 'reserved', cancellation: { status: 'requested', reason: 'r' } });
    expect(follow(requested, first({ type: 'cancelled' }, 1)).order).toMatchObject({
      status: 'cancelled',
      cancellation: { status: 'accepted', reason: 'r' },
    });
    const tooLate: ReportedEvent = { type: 'cancellationRejected', code: 'X', message: 'paid already' };
    expect(follow(requested, first(paid, 1), first(tooLate, 2)).order).toMatchObject({
      status: 'paid',
      cancellation: { status: 'rejected', reason: 'r', message: 'paid already' },
    });
  });

  test('follows refunds: a part leaves the status, the rest does not', () => {
    const refunds = ['r-1', 'r-2'].map((id) => {
      return { id, amountMinor: 50, reason: '', status: 'requested' as const };
    });
    const completed = orderWith({ status: 'completed', paidMinor: 100, refunds });
    const refunded = (refundId: string, full: boolean): ReportedEvent => ({
      type: 'refunded',
      refundId,
      amountMinor: 50,
      full,
    });
    const partly = follow(completed, first(refunded('r-1', false), 1)).order;
    expect(partly).toMatchObject({
      status: 'completed',
      refunds: [{ status: 'refunded' }, { status: 'requested' }],
    });
    const wholly = follow(partly, first(refunded('r-2', true), 2)).order;
    expect(wholly).toMatchObject({
      status: 'refunded',
      refunds: [{ status: 'refunded' }, { status: 'refunded' }],
    });
  });

  test('moves along the transition table alone, without gap or reversal, whatever arrives in whatever order', () => {
    const anyReport = fc.record({
      run: fc.integer({ min: 0, max: 2 }),
      sequence: fc.integer({ min: 1, max: 6 }),
      event: fc.constantFrom(reserved, paid, completed, brokeDown, refused),
    });
    fc.assert(
      fc.property(fc.array(anyReport, { maxLength: 30 }), (reports) => {
        let order: OrderState = pending;
        for (const report of reports) {
          const following = followProcessing(order, report, now);
          if (following.outcome === 'early') continue;
          expect(following.order.processingSequence - order.processingSequence).toBe(
            report.sequence === order.processingSequence + 1 ? 1 : 0,
          );
          const events = following.outcome === 'applied' ? following.events : [];
          let replayed = order;
          for (const event of events) {
            const next = evolve(replayed, event, now);
            expect(isAllowed(replayed.status, next.status)).toBe(true);
            replayed = next;
          }
          // The projection is what the history folds to.
          expect(following.order).toMatchObject({ status: replayed.status, version: replayed.version });
          order = following.order;
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
