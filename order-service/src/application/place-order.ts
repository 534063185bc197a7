import type { OrderCreated } from '#shared/contracts/order-events.ts';
import type { Clock } from '#shared/kernel/clock.ts';
import { AppError } from '#shared/kernel/errors.ts';
import type { Failpoint } from '#shared/kernel/failpoints.ts';
import { newId } from '#shared/kernel/ids.ts';
import { toOutboxRow } from '#shared/outbox/outbox-message.ts';
import type { Order } from '../domain/order.ts';
import { begin } from '../domain/order-events.ts';
import { type NewOrder, placeOrder } from '../domain/place-order.ts';
import type { Cause, OrderRepository } from './ports/order-repository.ts';

export type PlaceOrder = (request: Omit<NewOrder, 'id'>, cause: Cause) => Promise<Order>;

/**
 * Accepts an order: when it returns, the order, its history and the announcement to the processor are durable.
 *
 * @throws AppError `VALIDATION_FAILED` naming every wrong field, `DATABASE_UNAVAILABLE`.
 */
export function createPlaceOrder(dependencies: {
  orders: OrderRepository;
  clock: Clock;
  failpoint: Failpoint;
  /** Called once there is something to publish. */
  announce: () => void;
}): PlaceOrder {
  const { orders, clock, failpoint, announce } = dependencies;
  return async (request, cause) => {
    const placement = placeOrder({ ...request, id: newId() });
    if (!placement.accepted) throw invalid(placement.violations);
    const at = clock();
    const { event } = placement;
    const order: Order = { ...begin(event, at), eventSequence: 1 };
    await orders.place({
      order,
      history: { orderId: order.id, version: order.version, event, at, ...cause },
      announcement: toOutboxRow(orderCreated(order, cause)),
    });
    failpoint('place-order.after-commit');
    announce();
    return order;
  };
}

function orderCreated(order: Order, cause: Cause): OrderCreated {
  const { customerId, currency, totalMinor, items } = order;
  return {
    specversion: '1.0',
    id: newId(),
    source: '/order-service',
    type: 'order.created.v1',
    subject: order.id,
    time: order.createdAt.toISOString(),
    datacontenttype: 'application/json',
    sequence: order.eventSequence,
    correlationid: cause.correlationId,
    traceparent: cause.traceparent,
    data: { customerId, currency, totalMinor, items: [...items], payment: 'automatic' },
  };
}

function invalid(violations: readonly { field: string; message: string }[]): AppError {
  return new AppError({
    code: 'VALIDATION_FAILED',
    kind: 'rejected',
    message: violations.map(({ field, message }) => `${field}: ${message}`).join('; '),
    data: { errors: violations },
  });
}
