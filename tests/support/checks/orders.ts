import type { Evidence } from '../evidence.ts';
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

const oneRun = '(reserved paid completed|(reserved )?failed)';
const legalHistory = new RegExp(`^placed ((reserved )?failed retried )*${oneRun}$`);

export function* ordersEndOnce({ orders, history }: Evidence): Flaws {
  const historyOf = Map.groupBy(history, ({ orderId }) => orderId);
  for (const { id, status, version } of orders) {
    const events = historyOf.get(id) ?? [];
    const story = events.map(({ type }) => type).join(' ');
    if (!legalHistory.test(story)) yield { subject: id, what: `has the history "${story}"` };
    if (events.at(-1)?.type !== status) yield { subject: id, what: `is ${status} after "${story}"` };
    if (version !== events.length || events.some((event, index) => event.version !== index + 1))
      yield {
        subject: id,
        what: `is version ${version} and its ${events.length} events do not count up to it`,
      };
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
