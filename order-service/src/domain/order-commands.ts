import { type Order, type OrderStatus, refundableMinorOf } from './order.ts';
import type { OrderEvent } from './order-events.ts';

/** What can be asked of an order after it was placed. */
export type OrderCommand =
  | { readonly type: 'cancel'; readonly reason: string }
  | { readonly type: 'pay' }
  /** Without an amount: everything that can still be refunded. */
  | {
      readonly type: 'refund';
      readonly refundId: string;
      readonly amountMinor?: number | undefined;
      readonly reason: string;
    }
  | { readonly type: 'fulfil' };

export type RefusalCode =
  | 'ORDER_STATE_CONFLICT'
  | 'ORDER_ALREADY_PAID'
  | 'PAYMENT_IS_AUTOMATIC'
  | 'REFUND_TOO_LARGE'
  | 'REFUND_ID_REUSED'
  | 'TOO_MANY_REFUNDS';

export type Decision =
  | { readonly outcome: 'accepted'; readonly event: OrderEvent }
  /** What is asked for was asked for before, or is so already. */
  | { readonly outcome: 'unchanged' }
  | {
      readonly outcome: 'refused';
      readonly code: RefusalCode;
      readonly message: string;
      /** The states in which it would have been possible. */
      readonly allowed: readonly OrderStatus[];
    };

/** In which states a command may be accepted. A failed order may be cancelled only while it could be replayed. */
export const allowedIn: Readonly<Record<OrderCommand['type'], readonly OrderStatus[]>> = {
  cancel: ['pending', 'reserved', 'failed'],
  pay: ['pending', 'reserved'],
  refund: ['paid', 'completed', 'fulfilled'],
  fulfil: ['completed'],
};

/** How many refunds an order may have. */
export const mostRefunds = 100;

/** Decides what a command does to an order. Repeating one that was accepted changes nothing. */
export function decide(order: Order, command: OrderCommand): Decision {
  switch (command.type) {
    case 'cancel':
      return cancel(order, command);
    case 'pay':
      return pay(order);
    case 'refund':
      return refund(order, command);
    case 'fulfil':
      return fulfil(order);
    default:
      return command satisfies never;
  }
}

const unchanged: Decision = { outcome: 'unchanged' };

function cancel(order: Order, { reason }: OrderCommand & { type: 'cancel' }): Decision {
  if (order.status === 'cancelled' || order.cancellation?.status === 'requested') return unchanged;
  if (allowedIn.refund.includes(order.status)) {
    return refused('cancel', 'ORDER_ALREADY_PAID', 'the payment was captured; refund the order instead');
  }
  const isFinal = order.status === 'failed' && !order.failure?.recoverable;
  if (!allowedIn.cancel.includes(order.status) || isFinal) return notNow(order, 'cancel');
  return accepted({ type: 'cancellationRequested', data: { reason } });
}

function pay(order: Order): Decision {
  if (order.payment === 'automatic') {
    return refused('pay', 'PAYMENT_IS_AUTOMATIC', 'the payment follows the reservation by itself');
  }
  if (order.paymentRequested) return unchanged;
  if (order.cancellation?.status === 'requested') {
    return refused('pay', 'ORDER_STATE_CONFLICT', 'the order is being cancelled');
  }
  if (!allowedIn.pay.includes(order.status)) return notNow(order, 'pay');
  return accepted({ type: 'paymentRequested', data: {} });
}

function refund(order: Order, command: OrderCommand & { type: 'refund' }): Decision {
  const { refundId, reason } = command;
  const known = order.refunds.find(({ id }) => id === refundId);
  if (known) {
    if (command.amountMinor === undefined || command.amountMinor === known.amountMinor) return unchanged;
    const message = `refund ${refundId} is one of ${known.amountMinor}`;
    return refused('refund', 'REFUND_ID_REUSED', message);
  }
  const isWhole = command.amountMinor === undefined;
  if (order.status === 'refunded' && isWhole) return unchanged;
  if (!allowedIn.refund.includes(order.status)) return notNow(order, 'refund');
  const leftMinor = refundableMinorOf(order);
  if (leftMinor === 0 && isWhole) return unchanged;
  const amountMinor = command.amountMinor ?? leftMinor;
  if (amountMinor > leftMinor) {
    return refused('refund', 'REFUND_TOO_LARGE', `at most ${leftMinor} can be refunded`);
  }
  if (order.refunds.length >= mostRefunds) {
    return refused('refund', 'TOO_MANY_REFUNDS', `an order has at most ${mostRefunds} refunds`);
  }
  return accepted({ type: 'refundRequested', data: { refundId, amountMinor, reason } });
}

function fulfil(order: Order): Decision {
  if (order.status === 'fulfilled') return unchanged;
  if (!allowedIn.fulfil.includes(order.status)) return notNow(order, 'fulfil');
  return accepted({ type: 'fulfilled', data: {} });
}

function accepted(event: OrderEvent): Decision {
  return { outcome: 'accepted', event };
}

function notNow(order: Order, command: OrderCommand['type']): Decision {
  const message = `the order is ${order.status}; possible only while it is ${allowedIn[command].join(', ')}`;
  return refused(command, 'ORDER_STATE_CONFLICT', message);
}

function refused(command: OrderCommand['type'], code: RefusalCode, message: string): Decision {
  return { outcome: 'refused', code, message, allowed: allowedIn[command] };
}
