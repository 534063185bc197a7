import type { OrderMessage, OrderProcessed } from '#shared/contracts/order-events.ts';
import { newId } from '#shared/kernel/ids.ts';
import { refundableMinorOf, refundedMinorOf, type Saga } from '../domain/saga.ts';
import type { SagaEvent } from '../domain/saga-events.ts';
import type { Announcement } from '../domain/saga-steps.ts';

/** What a step was part of. */
interface Cause {
  readonly correlationId: string;
  readonly traceparent: string;
}

/** The messages that tell the order-service about a step, numbered on from the saga's last one. */
export function announcementsOf(
  step: { saga: Saga; event: SagaEvent; announce: readonly Announcement[] },
  cause: Cause,
  now: Date,
): readonly OrderMessage[] {
  const { saga, event } = step;
  return step.announce.map((announcement, index) =>
    toMessage(announcement, saga, event, {
      specversion: '1.0',
      id: newId(),
      source: '/processor-service',
      subject: saga.order.orderId,
      time: now.toISOString(),
      datacontenttype: 'application/json',
      sequence: saga.eventSequence + 1 + index,
      correlationid: cause.correlationId,
      traceparent: cause.traceparent,
    }),
  );
}

type Envelope = Omit<OrderProcessed, 'type' | 'data'>;

function toMessage(
  announcement: Announcement,
  saga: Saga,
  event: SagaEvent,
  envelope: Envelope,
): OrderMessage {
  const { run, order, failure } = saga;
  const { totalMinor, currency } = order;
  switch (announcement) {
    case 'reserved':
      return { ...envelope, type: 'order.reserved.v1', data: { run } };
    case 'paid': {
      const paid = { paymentId: saga.paymentId ?? '', amountMinor: totalMinor, currency };
      return { ...envelope, type: 'order.paid.v1', data: { run, ...paid } };
    }
    case 'processed': {
      const data = failure
        ? { run, status: 'failed' as const, failure }
        : { run, status: 'completed' as const };
      return { ...envelope, type: 'order.processed.v1', data };
    }
    case 'cancelled':
      return { ...envelope, type: 'order.cancelled.v1', data: { run } };
    case 'cancel_rejected':
      return { ...envelope, type: 'order.cancel_rejected.v1', data: { run, ...whyNotCancelled(saga) } };
    case 'refunded': {
      const { id: refundId, amountMinor } = refundIn(saga, event);
      const refundedMinor = refundedMinorOf(saga);
      const refund = { refundId, amountMinor, refundedMinor, full: refundedMinor === totalMinor, currency };
      return { ...envelope, type: 'order.refunded.v1', data: { run, ...refund } };
    }
    case 'refund_rejected': {
      const { id: refundId, amountMinor } = refundIn(saga, event);
      const why = whyNotRefunded(saga, amountMinor);
      return { ...envelope, type: 'order.refund_rejected.v1', data: { run, refundId, ...why } };
    }
    default:
      return announcement satisfies never;
  }
}

function refundIn(saga: Saga, event: SagaEvent) {
  const refundId =
    event.type === 'refundRequested'
      ? event.refund.id
      : event.type === 'refundSettled'
        ? event.refundId
        : undefined;
  const refund = saga.refunds.find(({ id }) => id === refundId);
  if (!refund) throw new Error(`${event.type} is about no refund of the saga`);
  return refund;
}

function whyNotCancelled({ state }: Saga): { code: string; message: string } {
  return state === 'completed' || state === 'refunded'
    ? { code: 'ORDER_ALREADY_PAID', message: 'the payment was captured before; refund it instead' }
    : { code: 'ORDER_STATE_CONFLICT', message: 'the order had failed before' };
}

function whyNotRefunded(saga: Saga, amountMinor: number): { code: string; message: string } {
  if (saga.state !== 'completed') {
    return { code: 'ORDER_STATE_CONFLICT', message: 'no money is held for the order' };
  }
  const message = `${amountMinor} wanted, ${refundableMinorOf(saga)} left`;
  return { code: 'REFUND_TOO_LARGE', message };
}
