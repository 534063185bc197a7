import type { Evidence } from '../evidence.ts';
import { isRecoverable, leftToOperator } from './at-rest.ts';
import type { Flaws } from './finding.ts';
import { dataOf } from './message-bodies.ts';

export function* processedOrDead(evidence: Evidence): Flaws {
  const { announced, replied, inbox, operatorActions, edited } = evidence;
  const { deadOrders, deadRequests, deadReplies } = evidence;
  yield* requestsProcessedOrDead(evidence);
  yield* ordersProcessedOrDead(evidence);
  const received = new Set([...inbox.map(({ messageId }) => messageId), ...operatorActions]);
  for (const { messageId, orderId, type } of replied)
    yield* judge(orderId, type, received.has(messageId), deadReplies.has(messageId));
  const sent = new Set([...announced, ...replied].map(({ messageId }) => messageId));
  for (const id of [...deadOrders, ...deadRequests, ...deadReplies])
    if (!sent.has(id) && !edited.has(id)) yield { subject: id, what: 'is a dead letter that nobody sent' };
}

/** What drives a saga: a recoverable failure leaves one of these messages dead, and nothing else does. */
function* ordersProcessedOrDead(evidence: Evidence): Flaws {
  const { announced, sagas, deadOrders } = evidence;
  const left = leftToOperator(evidence);
  const sagaOf = new Map(sagas.map((saga) => [saga.orderId, saga]));
  const driving = announced.filter(
    ({ type }) => type === 'order.created.v1' || type === 'order.payment_requested.v1',
  );
  for (const [orderId, messages] of Map.groupBy(driving, (row) => row.orderId)) {
    const saga = sagaOf.get(orderId);
    // A letter may outlive its use: until somebody replays or discards it, it rests.
    if (left.has(orderId) || saga?.state === 'cancelled') continue;
    const processed = saga !== undefined && !isRecoverable(saga);
    yield* judge(
      orderId,
      'what drives it',
      processed,
      messages.some(({ messageId }) => deadOrders.has(messageId)),
    );
  }
}

function* requestsProcessedOrDead({ announced, sagas, deadRequests }: Evidence): Flaws {
  const sagaOf = new Map(sagas.map((saga) => [saga.orderId, saga]));
  for (const { messageId, orderId, type, payload } of announced) {
    const saga = sagaOf.get(orderId);
    const dead = deadRequests.has(messageId);
    if (type === 'order.cancel_requested.v1')
      yield* judge(orderId, type, saga?.cancelRequested === true, dead);
    if (type === 'order.refund_requested.v1') {
      const { refundId } = dataOf(payload);
      yield* judge(orderId, type, saga?.refunds.some(({ id }) => id === refundId) === true, dead);
    }
  }
}

function* judge(subject: string, type: string, processed: boolean, dead: boolean): Flaws {
  if (processed && dead) yield { subject, what: `has ${type} both processed and dead` };
  if (!processed && !dead) yield { subject, what: `has ${type} neither processed nor dead` };
}
