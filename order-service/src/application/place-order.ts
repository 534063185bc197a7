import { anonymous, type Caller, requireCustomer } from '#shared/auth/caller.ts';
import type { Clock } from '#shared/kernel/clock.ts';
import { AppError } from '#shared/kernel/errors.ts';
import type { Failpoint } from '#shared/kernel/failpoints.ts';
import { newId } from '#shared/kernel/ids.ts';
import { learn } from '#shared/observability/work-at-hand.ts';
import type { Order } from '../domain/order.ts';
import { begin } from '../domain/order-events.ts';
import { type NewOrder, placeOrder } from '../domain/place-order.ts';
import type { Answer, Once, RunOnce } from './idempotency.ts';
import { announcementsOf } from './order-messages.ts';
import { type Cause, type OrderRepository, recordedEvent } from './ports/order-repository.ts';

export type PlaceOrder = (
  request: Omit<NewOrder, 'id'>,
  cause: Omit<Cause, 'actor'>,
  caller: Caller,
  once?: Once,
) => Promise<Answer>;

/**
 * Accepts an order: when it returns, the order, its history and the announcement to the processor are durable.
 *
 * @throws AppError `FORBIDDEN` for another customer, `VALIDATION_FAILED` naming every wrong field, `DATABASE_UNAVAILABLE`; what a {@link RunOnce} throws.
 */
export function createPlaceOrder(dependencies: {
  orders: Pick<OrderRepository, 'place'>;
  runOnce: RunOnce;
  clock: Clock;
  failpoint: Failpoint;
  /** Called once there is something to publish. */
  announce: () => void;
}): PlaceOrder {
  const { orders, runOnce, clock, failpoint, announce } = dependencies;
  return async (request, { correlationId, traceparent }, caller, once) => {
    const { customerId } = request;
    requireCustomer(caller, customerId);
    const cause = { actor: actorOf(caller, customerId), correlationId, traceparent };
    const placing = { operation: 'create', once, input: request, isSelfChecking: true };
    const answer = await runOnce(placing, async (recordOf) => {
      const placement = placeOrder({ ...request, id: newId() });
      if (!placement.accepted) throw invalid(placement.violations);
      const at = clock();
      const { event } = placement;
      const placed = begin(event, at);
      const [announcement] = announcementsOf(placed, event, cause);
      if (!announcement) throw new Error('a new order is always announced');
      const order: Order = { ...placed, eventSequence: 1 };
      await orders.place({
        order,
        history: recordedEvent(order, event, cause),
        announcement,
        record: recordOf?.(order),
      });
      failpoint('place-order.after-commit');
      announce();
      return { order, isRecorded: true };
    });
    learn({ orderId: answer.order.id });
    return answer;
  };
}

/** Who placed it, for the history. */
function actorOf(caller: Caller, customerId: string): string {
  const isCustomer = caller === anonymous || caller.subject === customerId;
  return isCustomer ? `customer:${customerId}` : `operator:${caller.subject}`;
}

function invalid(violations: readonly { field: string; message: string }[]): AppError {
  return new AppError({
    code: 'VALIDATION_FAILED',
    kind: 'rejected',
    message: violations.map(({ field, message }) => `${field}: ${message}`).join('; '),
    data: { errors: violations },
  });
}
