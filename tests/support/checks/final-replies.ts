import type { Evidence, Failure, StoredOrder } from '../evidence.ts';
import { leftToOperator, waitsForCustomer } from './at-rest.ts';
import type { Flaws } from './finding.ts';
import { dataOf, type ReplyData, sequenceIn, turnOf } from './message-bodies.ts';
import { eventOf } from './messages.ts';

/** Which replies end an order, and as what. */
const endOf: Readonly<Record<string, (data: ReplyData) => string | undefined>> = {
  'order.processed.v1': ({ status }) => status,
  'order.cancelled.v1': () => 'cancelled',
  'order.refunded.v1': ({ full }) => (full ? 'refunded' : undefined),
};

export function* ordersGetFinalReplies(evidence: Evidence): Flaws {
  const left = leftToOperator(evidence);
  const replies = evidence.tapped.filter((message) => message.type in eventOf);
  const repliesTo = Map.groupBy(replies, ({ subject }) => subject);
  for (const order of evidence.orders) {
    const { id } = order;
    const theirs = repliesTo.get(id) ?? [];
    for (const repeated of Map.groupBy(theirs, ({ type, body }) => `${type} ${turnOf(body)}`).values())
      if (new Set(repeated.map(({ body }) => body)).size > 1)
        yield { subject: id, what: `got different ${repeated[0]?.type} in one run` };
    const last = theirs
      .flatMap(({ type, body }) => {
        const end = endOf[type]?.(dataOf(body));
        return end === undefined ? [] : [{ end, sequence: sequenceIn(body), failure: dataOf(body).failure }];
      })
      .toSorted((one, other) => one.sequence - other.sequence)
      .at(-1);
    if (last && !isToldBy(order, last))
      yield { subject: id, what: `is ${order.status} and was told ${last.end}` };
    if (!last && !waitsForCustomer(order) && !left.has(id)) yield { subject: id, what: 'got no final reply' };
  }
}

function isToldBy(
  order: StoredOrder,
  { end, failure }: { end: string; failure?: Failure | undefined },
): boolean {
  const status = order.status === 'fulfilled' ? 'completed' : order.status;
  return status === end && (end !== 'failed' || isSame(failure, order.failure));
}

function isSame(told: Failure | undefined, stored: Failure | null): boolean {
  if (!told || !stored) return !told && !stored;
  return (
    told.code === stored.code && told.message === stored.message && told.recoverable === stored.recoverable
  );
}
