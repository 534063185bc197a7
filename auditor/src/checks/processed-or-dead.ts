import { inSequence } from '#processor-service/application/audit/replies.ts';
import { isRecoverable, waitsForOperator } from '#processor-service/application/audit/saga-standing.ts';
import type { Check, Terms } from '#shared/audit/check.ts';
import { dataOf, mayBeForgotten, type OutboxEntry } from '#shared/audit/outbox-entry.ts';
import { queues } from '#shared/contracts/topology.ts';
import { isAtRest, isQuietFor, type OrderCase } from '../order-case.ts';

/** Nothing is lost between the services: what one has announced the other has taken account of, or it is a dead letter. */
export const processedOrDead: Check<OrderCase> = {
  invariant: 'I10',
  compares: 'what each service announced with what the other took account of, and with the dead letters',
  *flaws(theCase, terms) {
    const { letters, inOrders, inProcessor, edits } = theCase;
    if (!letters) return;
    const sent = new Set([...inOrders.announced, ...inProcessor.announced].map(({ messageId }) => messageId));
    for (const { messageId, time } of letters)
      if (!sent.has(messageId) && !edits.includes(messageId) && !mayBeForgotten(time, terms))
        yield 'has a dead letter that nobody sent';
    // What is in flight is neither, and on its way from one to the other it may seem both.
    const isDue = isAtRest(theCase) || isQuietFor(terms.overdueMs, theCase, terms.at);
    if (!isDue) return;
    yield* whatDrives(theCase);
    yield* requests(theCase);
    yield* replies(theCase, terms);
  },
};

function* judge(what: string, isProcessed: boolean, isDead: boolean) {
  if (isProcessed && isDead) yield `has ${what} both processed and dead`;
  if (!isProcessed && !isDead) yield `has ${what} neither processed nor dead`;
}

/** What drives a saga: a recoverable failure leaves one of these messages dead, and nothing else does. */
function* whatDrives({ inOrders: { announced }, inProcessor: { saga }, letters, edits }: OrderCase) {
  const driving = announced.filter(
    ({ type }) => type === 'order.created.v1' || type === 'order.payment_requested.v1',
  );
  // A letter may outlive its use: until somebody replays or discards it, it rests.
  if (driving.length === 0 || saga?.state === 'cancelled' || (saga && waitsForOperator(saga))) return;
  const ids = [...driving.map(({ messageId }) => messageId), ...edits];
  const isDead = (letters ?? []).some(
    ({ queue, messageId }) => queue === queues.orderCreated && ids.includes(messageId),
  );
  yield* judge('what drives it', saga !== null && !isRecoverable(saga), isDead);
}

function* requests({ inOrders: { announced }, inProcessor: { saga }, letters }: OrderCase) {
  for (const { type, messageId, payload } of announced) {
    const isDead = isAmong(letters, queues.orderRequests, messageId);
    if (type === 'order.cancel_requested.v1') yield* judge(type, saga?.cancelRequested === true, isDead);
    if (type === 'order.refund_requested.v1') {
      const { refundId } = dataOf(payload);
      yield* judge(type, saga?.refunds.some(({ id }) => id === refundId) === true, isDead);
    }
  }
}

function* replies({ inOrders, inProcessor, letters, edits }: OrderCase, terms: Terms) {
  const received = new Set([
    ...inOrders.inbox.map(({ messageId }) => messageId),
    ...inOrders.operatorActions,
  ]);
  for (const { messageId, type } of inProcessor.announced)
    yield* judge(type, received.has(messageId), isAmong(letters, queues.orderProcessed, messageId));
  const sent = new Set(inProcessor.announced.map(({ messageId }) => messageId));
  const numbered = inSequence(inProcessor.announced).length;
  const isWhole = numbered === inProcessor.saga?.eventSequence;
  for (const { messageId, type, receivedAt } of inOrders.inbox)
    if (isWhole && !sent.has(messageId) && !edits.includes(messageId) && !mayBeForgotten(receivedAt, terms))
      yield `received ${type} that nobody sent`;
}

function isAmong(letters: OrderCase['letters'], queue: string, messageId: OutboxEntry['messageId']): boolean {
  return (letters ?? []).some((letter) => letter.queue === queue && letter.messageId === messageId);
}
