import type { OrderMessageOf } from '#shared/contracts/order-events.ts';
import type { Clock } from '#shared/kernel/clock.ts';
import { AppError } from '#shared/kernel/errors.ts';
import {
  followProcessing,
  isDuplicate,
  type ProcessingReport,
  type ReportedEvent,
} from '../domain/follow-processing.ts';
import type { OrderState } from '../domain/order.ts';
import { evolve } from '../domain/order-events.ts';
import {
  type OrderRepository,
  type ReceivedMessage,
  type RecordedEvent,
  recordedEvent,
} from './ports/order-repository.ts';

/** What the processor says about orders. */
export type ProcessingMessage = OrderMessageOf<
  | 'order.reserved.v1'
  | 'order.paid.v1'
  | 'order.processed.v1'
  | 'order.cancelled.v1'
  | 'order.cancel_rejected.v1'
  | 'order.refunded.v1'
  | 'order.refund_rejected.v1'
>;

/** `undefined`: taken account of, durably; `duplicate`: it was before. Otherwise why this one message could not be. */
export type FollowResult = AppError | 'duplicate' | undefined;

/**
 * Takes account of a set of messages from the processor in one transaction, in the given order: each changes its order
 * or is recorded as ignored, and either way only once.
 *
 * @throws AppError `DATABASE_UNAVAILABLE`, `CONCURRENT_UPDATE`: then none of the set took effect.
 */
export function createFollowProcessing(dependencies: {
  orders: OrderRepository;
  clock: Clock;
  /** Called once orders have changed. */
  announce: () => void;
}) {
  const { orders, clock, announce } = dependencies;
  return async (messages: readonly ProcessingMessage[]): Promise<readonly FollowResult[]> => {
    const now = clock();
    const ids = [...new Set(messages.map((message) => message.subject))];
    const results = await orders.change(ids, (found) => {
      const current = new Map(found);
      const history: RecordedEvent[] = [];
      const received: ReceivedMessage[] = [];
      const result = messages.map((message) => {
        const order = current.get(message.subject);
        if (!order) return unknownOrder(message);
        const following = followProcessing(order, toReport(message), now);
        if (following.outcome === 'early') return early(message, order);
        current.set(order.id, following.order);
        received.push(receipt(message, following, now));
        if (following.outcome === 'applied') {
          const { source, correlationid: correlationId, traceparent } = message;
          // A path, as CloudEvents have it; here, beside customers and operators, it is the name of a service.
          const cause = { actor: source.replace(/^\//, ''), correlationId, traceparent };
          let state = order;
          for (const event of following.events) {
            state = evolve(state, event, now);
            history.push(recordedEvent(state, event, cause));
          }
        }
        return isDuplicate(following) ? 'duplicate' : undefined;
      });
      const changed = [...current.values()].filter((order) => order !== found.get(order.id));
      return { orders: changed, history, received, result };
    });
    announce();
    return results;
  };
}

function toReport(message: ProcessingMessage): ProcessingReport {
  return { sequence: message.sequence, run: message.data.run, event: toReportedEvent(message) };
}

function toReportedEvent(message: ProcessingMessage): ReportedEvent {
  switch (message.type) {
    case 'order.reserved.v1':
      return { type: 'reserved' };
    case 'order.paid.v1':
      return { type: 'paid', paymentId: message.data.paymentId, amountMinor: message.data.amountMinor };
    case 'order.processed.v1':
      return message.data.status === 'completed'
        ? { type: 'completed' }
        : { type: 'failed', failure: message.data.failure };
    case 'order.cancelled.v1':
      return { type: 'cancelled' };
    case 'order.cancel_rejected.v1':
      return { type: 'cancellationRejected', code: message.data.code, message: message.data.message };
    case 'order.refunded.v1': {
      const { refundId, amountMinor, full } = message.data;
      return { type: 'refunded', refundId, amountMinor, full };
    }
    case 'order.refund_rejected.v1': {
      const { refundId, code, message: why } = message.data;
      return { type: 'refundRejected', refundId, code, message: why };
    }
    default:
      return message satisfies never;
  }
}

function receipt(
  message: ProcessingMessage,
  following: { outcome: 'applied' } | { outcome: 'ignored'; reason: string },
  at: Date,
): ReceivedMessage {
  return {
    messageId: message.id,
    orderId: message.subject,
    type: message.type,
    sequence: message.sequence,
    outcome: following.outcome === 'applied' ? 'applied' : `ignored: ${following.reason}`,
    at,
  };
}

function unknownOrder(message: ProcessingMessage): AppError {
  return new AppError({
    code: 'ORDER_NOT_FOUND',
    kind: 'permanent',
    message: `there is no order ${message.subject}`,
  });
}

function early(message: ProcessingMessage, order: OrderState): AppError {
  return new AppError({
    code: 'EVENT_OUT_OF_ORDER',
    kind: 'transient',
    message: `message ${message.sequence} about order ${order.id} came before message ${order.processingSequence + 1}`,
  });
}
