import type { Evidence, HistoryEntry, StoredOrder } from '../evidence.ts';
import { leftToOperator, waitsForCustomer } from './at-rest.ts';
import type { Flaws } from './finding.ts';

export function* acknowledgedOrdersExist({ log, orders }: Evidence): Flaws {
  const byId = new Map(orders.map((order) => [order.id, order]));
  for (const { customerId, totalMinor, answer } of log) {
    if (answer.outcome !== 'accepted') continue;
    const order = byId.get(answer.orderId);
    if (!order) yield { subject: answer.orderId, what: 'was acknowledged and does not exist' };
    else if (order.customerId !== customerId || order.totalMinor !== totalMinor)
      yield { subject: order.id, what: 'is not what was acknowledged' };
  }
}

const isNoted: Readonly<Record<string, (order: StoredOrder, refundId?: string) => boolean>> = {
  cancel: ({ cancellation }) => cancellation !== null,
  pay: ({ paymentRequested }) => paymentRequested,
  refund: ({ refunds }, refundId) => refunds.some(({ id }) => refundId === undefined || id === refundId),
  fulfil: ({ status }) => status === 'fulfilled' || status === 'refunded',
};

export function* acknowledgedWishesExist({ wishes, orders }: Evidence): Flaws {
  const byId = new Map(orders.map((order) => [order.id, order]));
  for (const { orderId, wish, refundId, status } of wishes) {
    if (status !== 200 && status !== 202) continue;
    const order = byId.get(orderId);
    if (!order || !isNoted[wish]?.(order, refundId))
      yield { subject: orderId, what: `forgot that it was asked to ${wish} ${refundId ?? ''}` };
  }
}

/** What leaves the status of an order as it is. */
const asides: readonly string[] = [
  'paymentRequested',
  'cancellationRequested',
  'cancellationRejected',
  'refundRequested',
  'refundRejected',
  'partiallyRefunded',
];
const ends = [
  'reserved paid completed( fulfilled)?( refunded)?',
  '(reserved )?failed( cancelled)?',
  '(reserved )?cancelled',
];
const legalHistory = new RegExp(`^placed ((reserved )?failed retried )*(${ends.join('|')})$`);
const waitingHistory = /^placed ((reserved )?failed retried )*reserved$/;

export function* ordersEndOnce(evidence: Evidence): Flaws {
  const { orders, history } = evidence;
  const left = leftToOperator(evidence);
  const historyOf = Map.groupBy(history, ({ orderId }) => orderId);
  for (const order of orders) {
    const { id, status, version } = order;
    const events = historyOf.get(id) ?? [];
    const turns = events.map(({ type }) => type).filter((type) => !asides.includes(type));
    const story = turns.join(' ');
    const mayWait = left.has(id) || waitsForCustomer(order);
    if (!legalHistory.test(story) && !(mayWait && waitingHistory.test(story)))
      yield { subject: id, what: `has the history "${story}"` };
    if (statusAfter[turns.at(-1) ?? ''] !== status)
      yield { subject: id, what: `is ${status} after "${story}"` };
    if (version !== events.length || events.some((event, index) => event.version !== index + 1))
      yield {
        subject: id,
        what: `is version ${version} and its ${events.length} events do not count up to it`,
      };
    yield* wishesAnsweredOnce(order, events, left.has(id));
  }
}

const statusAfter: Readonly<Record<string, string>> = {
  reserved: 'reserved',
  completed: 'completed',
  fulfilled: 'fulfilled',
  failed: 'failed',
  cancelled: 'cancelled',
  refunded: 'refunded',
};

/** Every wish is noted once and gets one answer, after it. */
function* wishesAnsweredOnce(order: StoredOrder, events: readonly HistoryEntry[], mayWait: boolean): Flaws {
  const { id: subject, payment, cancellation, refunds } = order;
  const storyOf = (theirs: readonly HistoryEntry[]): string => theirs.map(({ type }) => type).join(' ');
  const isRight = (status: string | undefined, due: string | undefined): boolean =>
    status === due && (status !== 'requested' || mayWait);

  const cancelling = storyOf(events.filter(({ type }) => type.startsWith('cancel')));
  if (!isRight(cancellation?.status, cancellationAfter[cancelling]) || !(cancelling in cancellationAfter))
    yield { subject, what: `has a cancellation that is ${cancellation?.status} after "${cancelling}"` };

  const paying = events.filter(({ type }) => type === 'paymentRequested').length;
  if (paying > (payment === 'manual' ? 1 : 0))
    yield { subject, what: `is ${payment} and was asked ${paying} times to be paid` };

  const about = Map.groupBy(
    events.filter(({ refundId }) => refundId !== null),
    ({ refundId }) => refundId,
  );
  for (const [refundId, theirs] of about) {
    const story = storyOf(theirs);
    const refund = refunds.find(({ id }) => id === refundId);
    if (!refund || !isRight(refund.status, refundAfter[story]))
      yield { subject, what: `has a refund that is ${refund?.status} after "${story}"` };
  }
  if (about.size !== refunds.length) yield { subject, what: 'has refunds that nobody asked for' };
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

export function* oneOrderPerRequest({ log, orders }: Evidence): Flaws {
  const acknowledged = log.flatMap(({ answer }) => (answer.outcome === 'accepted' ? [answer.orderId] : []));
  for (const [id, times] of Map.groupBy(acknowledged, (id) => id))
    if (times.length > 1) yield { subject: id, what: 'was given to several customers' };
  const requests = new Map(log.map((entry) => [entry.customerId, entry.answer]));
  for (const [customerId, theirs] of Map.groupBy(orders, (order) => order.customerId)) {
    const answer = requests.get(customerId);
    for (const { id } of theirs.slice(1)) yield { subject: id, what: 'is a second order for one request' };
    for (const { id } of theirs) {
      if (!answer) yield { subject: id, what: 'was asked for by nobody' };
      if (answer?.outcome === 'refused') yield { subject: id, what: 'was refused and exists' };
    }
  }
}
