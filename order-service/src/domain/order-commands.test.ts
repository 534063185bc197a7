import { describe, expect, test } from '@jest/globals';
import { type Order, type OrderStatus, orderStatuses, refundableMinorOf } from './order.ts';
import { allowedIn, decide, mostRefunds, type OrderCommand } from './order-commands.ts';
import { evolve } from './order-events.ts';
import { now, orderWith } from './testing/orders.ts';

const recoverable = { code: 'PAYMENT_UNAVAILABLE', message: 'away', recoverable: true };
const final = { code: 'OUT_OF_STOCK', message: 'none left', recoverable: false };
const cancel: OrderCommand = { type: 'cancel', reason: 'changed my mind' };
const pay: OrderCommand = { type: 'pay' };
const fulfil: OrderCommand = { type: 'fulfil' };
const refund = (refundId: string, amountMinor?: number): OrderCommand => ({
  type: 'refund',
  refundId,
  amountMinor,
  reason: '',
});
const paid = orderWith({ status: 'completed', paidMinor: 100 });

/** The order after a command that is accepted. */
function after(order: Order, command: OrderCommand): Order {
  const decision = decide(order, command);
  if (decision.outcome !== 'accepted') throw new Error(JSON.stringify(decision));
  return evolve(order, decision.event, now);
}

const refusedWith = (code: string, allowed?: readonly OrderStatus[]): unknown =>
  expect.objectContaining({ outcome: 'refused', code, ...(allowed ? { allowed } : {}) });

describe('a command', () => {
  const inStatus = (status: OrderStatus): Order =>
    orderWith({
      status,
      payment: 'manual',
      paidMinor: 100,
      failure: status === 'failed' ? recoverable : null,
    });
  const commands = { cancel, pay, refund: refund('r-1', 1), fulfil };

  test.each(Object.entries(commands))('%s is accepted exactly where the table allows it', (type, command) => {
    const accepted = orderStatuses.filter(
      (status) => decide(inStatus(status), command).outcome === 'accepted',
    );
    expect(accepted).toEqual(allowedIn[type as OrderCommand['type']]);
  });

  test.each(Object.values(commands))('repeated after it was accepted changes nothing: $type', (command) => {
    const status = allowedIn[command.type][0] as OrderStatus;
    expect(decide(after(inStatus(status), command), command)).toEqual({ outcome: 'unchanged' });
  });

  test.each(Object.entries(commands))(
    '%s that is refused names the states in which it is possible',
    (type, command) => {
      const refused = decide(orderWith({ status: 'failed', failure: final, payment: 'manual' }), command);
      expect(refused).toEqual(refusedWith('ORDER_STATE_CONFLICT', allowedIn[type as OrderCommand['type']]));
    },
  );
});

describe('cancelling', () => {
  test('points to the refund once the payment was captured', () => {
    for (const status of ['paid', 'completed', 'fulfilled'] as const)
      expect(decide(orderWith({ status }), cancel)).toEqual(refusedWith('ORDER_ALREADY_PAID'));
  });

  test('takes a failed order only while it could be replayed', () => {
    expect(decide(orderWith({ status: 'failed', failure: recoverable }), cancel).outcome).toBe('accepted');
    expect(decide(orderWith({ status: 'failed', failure: final }), cancel).outcome).toBe('refused');
  });

  test('of an order that was cancelled changes nothing', () => {
    expect(decide(orderWith({ status: 'cancelled' }), cancel)).toEqual({ outcome: 'unchanged' });
  });
});

describe('paying by hand', () => {
  test('is not for orders that are paid without being asked to', () => {
    expect(decide(orderWith(), pay)).toEqual(refusedWith('PAYMENT_IS_AUTOMATIC'));
  });

  test('is too late once the cancellation was asked for, and the other way round it is not', () => {
    const manual = orderWith({ payment: 'manual', status: 'reserved' });
    expect(decide(after(manual, cancel), pay)).toEqual(refusedWith('ORDER_STATE_CONFLICT'));
    expect(decide(after(manual, pay), cancel).outcome).toBe('accepted');
  });
});

describe('refunding', () => {
  test('without an amount asks for all that is left', () => {
    const partly = after(paid, refund('r-1', 30));
    expect(decide(partly, refund('r-2'))).toMatchObject({ event: { data: { amountMinor: 70 } } });
  });

  test('takes no more than was paid, whatever is on its way', () => {
    const partly = after(paid, refund('r-1', 30));
    expect(decide(partly, refund('r-2', 71))).toEqual(refusedWith('REFUND_TOO_LARGE'));
    expect(decide(partly, refund('r-2', 70)).outcome).toBe('accepted');
  });

  test('knows a refund by its id', () => {
    const partly = after(paid, refund('r-1', 30));
    expect(decide(partly, refund('r-1', 30))).toEqual({ outcome: 'unchanged' });
    expect(decide(partly, refund('r-1', 31))).toEqual(refusedWith('REFUND_ID_REUSED'));
  });

  test('of everything, when everything was asked for, changes nothing', () => {
    expect(decide(after(paid, refund('r-1')), refund('r-2'))).toEqual({ outcome: 'unchanged' });
    expect(decide(orderWith({ status: 'refunded', paidMinor: 100 }), refund('r-2'))).toEqual({
      outcome: 'unchanged',
    });
  });

  test('counts what was rejected as left', () => {
    const rejected = { type: 'refundRejected', data: { refundId: 'r-1', code: 'X', message: 'no' } } as const;
    const again = evolve(after(paid, refund('r-1')), rejected, now);
    expect(refundableMinorOf(again)).toBe(100);
  });

  test('has a limit in number', () => {
    const refunds = Array.from({ length: mostRefunds }, (_, index) => {
      return { id: `r-${index}`, amountMinor: 1, reason: '', status: 'refunded' as const };
    });
    expect(decide({ ...paid, paidMinor: 1_000, refunds }, refund('r-more', 1))).toEqual(
      refusedWith('TOO_MANY_REFUNDS'),
    );
  });
});
