import { anonymous, type Caller, mayActFor, mayActForAll, requireScope } from '#shared/auth/caller.ts';
import type { Backoff } from '#shared/kernel/backoff.ts';
import type { Clock } from '#shared/kernel/clock.ts';
import { AppError } from '#shared/kernel/errors.ts';
import type { Failpoint } from '#shared/kernel/failpoints.ts';
import { retry } from '#shared/kernel/retry.ts';
import type { Order } from '../domain/order.ts';
import { type Decision, decide, type OrderCommand } from '../domain/order-commands.ts';
import { evolve } from '../domain/order-events.ts';
import type { Answer, Once, RecordOf, RunOnce } from './idempotency.ts';
import { announcementsOf } from './order-messages.ts';
import { type Cause, type OrderRepository, recordedEvent } from './ports/order-repository.ts';
import { orderNotFound } from './read-orders.ts';

/** Something that is asked of an order. */
export interface ChangeRequest {
  readonly orderId: string;
  readonly command: OrderCommand;
  readonly caller: Caller;
  readonly cause: Omit<Cause, 'actor'>;
  /** Whether the caller wants it done to the order at this version. */
  readonly isExpected: (version: number) => boolean;
  readonly once?: Once | undefined;
  /** Aborted when nobody waits for the answer any more: then no further attempt is made. */
  readonly signal?: AbortSignal;
}

/** Answers the order after the command; as it was, where the command had been accepted before. */
export type ChangeOrder = (request: ChangeRequest) => Promise<Answer>;

/** Others change the same order now and then; a hundred of them at once are many. */
const conflictBackoff: Backoff = { initialMs: 5, maximumMs: 400 };
const mostAttempts = 30;

/**
 * Cancels, pays, refunds or fulfils an order: when it returns, the change, its history and the message to the processor
 * are durable. It decides on the order as it reads it and stores the outcome only if the version is still the same;
 * otherwise it does so again, after a pause that grows.
 *
 * @throws AppError `FORBIDDEN`, `ORDER_NOT_FOUND`, `PRECONDITION_FAILED`, a refusal that names the states allowed,
 * `CONCURRENT_UPDATE` when others were always faster, `DATABASE_UNAVAILABLE`; what a {@link RunOnce} throws.
 */
export function createChangeOrder(dependencies: {
  orders: Pick<OrderRepository, 'find' | 'revise'>;
  runOnce: RunOnce;
  clock: Clock;
  failpoint: Failpoint;
  /** Called once there is something to publish. */
  announce: () => void;
}): ChangeOrder {
  const { orders, runOnce, clock, failpoint, announce } = dependencies;

  async function change(request: ChangeRequest, recordOf?: RecordOf) {
    const { orderId, command, caller, cause, isExpected, signal } = request;
    signal?.throwIfAborted();
    const order = await orders.find(orderId);
    if (!order || !mayActFor(caller, order.customerId)) throw orderNotFound(orderId);
    if (!isExpected(order.version)) throw changedMeanwhile(order);
    const decision = decide(order, command);
    if (decision.outcome === 'unchanged') return { order, isRecorded: false };
    if (decision.outcome === 'refused') throw refusal(decision);
    const { event } = decision;
    const at = clock();
    const changed = evolve(order, event, at);
    const caused = { ...cause, actor: actorOf(caller, command, order) };
    const announcements = announcementsOf(changed, event, caused);
    const next = { ...changed, eventSequence: changed.eventSequence + announcements.length };
    await orders.revise({
      order: next,
      history: recordedEvent(next, event, caused),
      announcements,
      record: recordOf?.(next),
    });
    failpoint('change-order.after-commit');
    if (announcements.length > 0) announce();
    return { order: next, isRecorded: true };
  }

  return async (request) => {
    const { orderId, command, caller, once } = request;
    if (isForOperators(command)) requireScope(caller, 'orders:admin');
    // What an operator was answered is not answered again to somebody who is none any more.
    const operation = mayActForAll(caller) ? `${command.type} as operator` : command.type;
    return runOnce({ operation, once, input: { orderId, command } }, (recordOf) =>
      retry(() => change(request, recordOf), {
        attempts: mostAttempts,
        backoff: conflictBackoff,
        isPassing: (error) => error instanceof AppError && error.code === 'CONCURRENT_UPDATE',
      }),
    );
  };
}

/** Customers cancel and pay; money goes back, and goods go out, by somebody's hand on this side. */
function isForOperators({ type }: OrderCommand): boolean {
  return type === 'refund' || type === 'fulfil';
}

/** Who does it, for the history; where nobody has to say who he is, whoever usually does. */
function actorOf(caller: Caller, command: OrderCommand, { customerId }: Order): string {
  if (caller === anonymous) return isForOperators(command) ? 'operator' : `customer:${customerId}`;
  return caller.subject === customerId ? `customer:${customerId}` : `operator:${caller.subject}`;
}

function changedMeanwhile({ version }: Order): AppError {
  return new AppError({
    code: 'PRECONDITION_FAILED',
    kind: 'rejected',
    message: `the order has version ${version} by now`,
  });
}

function refusal({ code, message, allowed }: Decision & { outcome: 'refused' }): AppError {
  return new AppError({ code, kind: 'rejected', message, data: { allowed } });
}
