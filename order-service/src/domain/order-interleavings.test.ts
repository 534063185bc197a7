import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { followProcessing, type ReportedEvent } from './follow-processing.ts';
import {
  type Order,
  type OrderStatus,
  orderStatuses,
  paymentModes,
  refundableMinorOf,
  refundedMinorOf,
} from './order.ts';
import { decide, type OrderCommand } from './order-commands.ts';
import { evolve, type OrderEvent, statusAfter } from './order-events.ts';
import { now, orderWith } from './testing/orders.ts';
import { isAllowed } from './transitions.ts';

type Happening =
  | { readonly asked: OrderCommand }
  | { readonly reported: ReportedEvent }
  /** What the processor says about a refund, if that was asked for and nothing was said about it yet. */
  | { readonly settled: string; readonly goesBack: boolean };

interface Outcome {
  readonly events: readonly OrderEvent[];
  readonly order: Order;
}

const refundIds = fc.constantFrom('r-1', 'r-2', 'r-3');

const anyCommand: fc.Arbitrary<OrderCommand> = fc.oneof(
  fc.constantFrom<OrderCommand>({ type: 'cancel', reason: '' }, { type: 'pay' }, { type: 'fulfil' }),
  fc.record({
    type: fc.constant('refund' as const),
    refundId: refundIds,
    amountMinor: fc.option(fc.integer({ min: 1, max: 120 }), { nil: undefined }),
    reason: fc.constant(''),
  }),
);

/** Without trouble, which ends many an order, more often than with it. */
const anyReport = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom<ReportedEvent>(
      { type: 'reserved' },
      { type: 'paid', paymentId: 'pay_1', amountMinor: 100 },
      { type: 'completed' },
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom<ReportedEvent>(
      { type: 'failed', failure: { code: 'PAYMENT_UNAVAILABLE', message: 'away', recoverable: true } },
      { type: 'failed', failure: { code: 'OUT_OF_STOCK', message: 'none left', recoverable: false } },
      { type: 'cancelled' },
      { type: 'cancellationRejected', code: 'X', message: 'too late' },
    ),
  },
);

const anyHappening: fc.Arbitrary<Happening> = fc.oneof(
  fc.record({ asked: anyCommand }),
  fc.record({ reported: anyReport }),
  fc.record({ settled: refundIds, goesBack: fc.boolean() }),
);

function ask(order: Order, command: OrderCommand): Outcome {
  const decision = decide(order, command);
  if (decision.outcome !== 'accepted') return { events: [], order };
  return { events: [decision.event], order: evolve(order, decision.event, now) };
}

/** As the processor's next message; after a failure it belongs to the next run, as when somebody replays it. */
function report(order: Order, event: ReportedEvent): Outcome {
  const run = order.processingRun + (order.status === 'failed' ? 1 : 0);
  const following = followProcessing(order, { run, sequence: order.processingSequence + 1, event }, now);
  if (following.outcome === 'early') throw new Error('the next message is never early');
  const events = following.outcome === 'applied' ? following.events : [];
  return { events, order: { ...following.order, items: order.items } };
}

function settle(order: Order, refundId: string, goesBack: boolean): Outcome {
  const refund = order.refunds.find(({ id, status }) => id === refundId && status === 'requested');
  if (!refund) return { events: [], order };
  const { amountMinor } = refund;
  const full = refundedMinorOf(order) + amountMinor === order.paidMinor;
  return report(
    order,
    goesBack
      ? { type: 'refunded', refundId, amountMinor, full }
      : { type: 'refundRejected', refundId, code: 'X', message: 'no' },
  );
}

function happen(order: Order, happening: Happening): Outcome {
  if ('asked' in happening) return ask(order, happening.asked);
  if ('reported' in happening) return report(order, happening.reported);
  return settle(order, happening.settled, happening.goesBack);
}

/** What is illegal about a step from one state of an order to the next. */
function wrongIn(order: Order, { events, order: next }: Outcome): readonly string[] {
  const statuses = events.reduce(
    (before, { type }) => [...before, statusAfter[type] ?? before.at(-1) ?? order.status],
    [order.status],
  );
  const illegal = statuses.filter((status, index) => {
    const before = statuses[index - 1] ?? status;
    return status !== before && !isAllowed(before, status);
  });
  const isAllBack = next.paidMinor > 0 && refundedMinorOf(next) === next.paidMinor;
  return [
    ...illegal.map((status) => `${order.status} became ${status}`),
    ...(refundableMinorOf(next) < 0 ? ['more is refunded or on its way than was paid'] : []),
    ...(isAllBack === (next.status === 'refunded') ? [] : ['refunded is what gave all money back']),
  ];
}

test('commands and reports in any order move an order along the table, and its history folds to it', () => {
  const reached = new Set<OrderStatus>();
  const placements = fc.constantFrom(...paymentModes).map((payment) => orderWith({ payment }));
  fc.assert(
    fc.property(placements, fc.array(anyHappening, { maxLength: 60, size: 'max' }), (placed, happenings) => {
      let order = placed;
      const history: OrderEvent[] = [];
      const wrong: string[] = [];
      for (const happening of happenings) {
        const outcome = happen(order, happening);
        wrong.push(...wrongIn(order, outcome));
        history.push(...outcome.events);
        order = outcome.order;
        reached.add(order.status);
      }
      expect(wrong).toEqual([]);
      const folded = history.reduce((state, event) => evolve(state, event, now), placed);
      // How far the processor was followed is no part of the history.
      const { processingRun, processingSequence } = order;
      expect({ ...folded, processingRun, processingSequence }).toEqual(order);
    }),
    { numRuns: 5_000 },
  );
  // What was never reached was not tried.
  expect([...reached].sort()).toEqual([...orderStatuses].sort());
});
