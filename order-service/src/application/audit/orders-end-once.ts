import type { Check, Terms } from '#shared/audit/check.ts';
import { type OrderEvent, statusAfter } from '../../domain/order-events.ts';
import type { AuditedOrder, HistoryEntry, OrderEvidence } from '../ports/order-evidence.ts';
import { waitsForCustomer } from './order-standing.ts';

/** What leaves the status of an order as it is. */
const asides: readonly string[] = [
  'paymentRequested',
  'cancellationRequested',
  'cancellationRejected',
  'refundRequested',
  'refundRejected',
  'partiallyRefunded',
];
const begun = '^placed( (reserved )?failed retried)*';
const ends = [
  'reserved paid completed( fulfilled)?( refunded)?',
  '(reserved )?failed( cancelled)?',
  '(reserved )?cancelled',
];
const endedHistory = new RegExp(`${begun} (${ends.join('|')})$`);
const openHistory = new RegExp(`${begun}( reserved( paid)?)?$`);

/** The history of an order is one of those it may have, leads to where the order is, and goes on until an end. */
export const ordersEndOnce: Check<OrderEvidence> = {
  invariant: 'I2',
  compares: 'the history of each order with those it may have, and with the order as it stands',
  *flaws({ order, history }, terms) {
    if (!order) return;
    const { status, version } = order;
    const turns = history.map(({ type }) => type).filter((type) => !asides.includes(type));
    const story = turns.join(' ');
    if (!endedHistory.test(story)) {
      if (!openHistory.test(story)) yield `has the history "${story}"`;
      else if (isOverdue(order, terms) && !waitsForCustomer(order)) yield `is ${status} and does not move on`;
    }
    if (statusAfter[turns.at(-1) as OrderEvent['type']] !== status) yield `is ${status} after "${story}"`;
    if (version !== history.length || history.some((event, index) => event.version !== index + 1))
      yield `is version ${version} and its ${history.length} events do not count up to it`;
    yield* wishesAnsweredOnce(order, history, terms);
  },
};

function isOverdue({ updatedAt }: AuditedOrder, { at, overdueMs }: Terms): boolean {
  return at - updatedAt >= overdueMs;
}

/** Every wish is noted once and gets one answer, after it. */
function* wishesAnsweredOnce(order: AuditedOrder, history: readonly HistoryEntry[], terms: Terms) {
  const { payment, cancellation, refunds } = order;
  const storyOf = (theirs: readonly HistoryEntry[]): string => theirs.map(({ type }) => type).join(' ');
  const isRight = (status: string | undefined, due: string | undefined): boolean =>
    status === due && (status !== 'requested' || !isOverdue(order, terms));

  const cancelling = storyOf(history.filter(({ type }) => type.startsWith('cancel')));
  if (!isRight(cancellation?.status, cancellationAfter[cancelling]) || !(cancelling in cancellationAfter))
    yield `has a cancellation that is ${cancellation?.status} after "${cancelling}"`;

  const paying = history.filter(({ type }) => type === 'paymentRequested').length;
  if (paying > (payment === 'manual' ? 1 : 0)) yield `is ${payment} and was asked ${paying} times to be paid`;

  const about = Map.groupBy(
    history.filter(({ refundId }) => refundId !== null),
    ({ refundId }) => refundId,
  );
  for (const [refundId, theirs] of about) {
    const story = storyOf(theirs);
    const refund = refunds.find(({ id }) => id === refundId);
    if (!refund || !isRight(refund.status, refundAfter[story]))
      yield `has a refund that is ${refund?.status} after "${story}"`;
  }
  if (about.size !== refunds.length) yield 'has refunds that nobody asked for';
}

const cancellationAfter: Readonly<Record<string, string | undefined>> = {
  '': undefined,
  cancellationRequested: 'requested',
  'cancellationRequested cancellationRejected': 'rejected',
  'cancellationRequested cancelled': 'accepted',
};

const refundAfter: Readonly<Record<string, string>> = {
  refundRequested: 'requested',
  'refundRequested refundRejected': 'rejected',
  'refundRequested partiallyRefunded': 'refunded',
  'refundRequested refunded': 'refunded',
};
