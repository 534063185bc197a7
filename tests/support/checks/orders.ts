import type { Evidence, StoredOrder } from '../evidence.ts';
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
