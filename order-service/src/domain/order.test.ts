import { describe, expect, test } from '@jest/globals';
import { hasEnded, type Order } from './order.ts';
import { decide, type OrderCommand } from './order-commands.ts';
import { orderWith } from './testing/orders.ts';

const failure = { code: 'OUT_OF_STOCK', message: 'none left', recoverable: false };
const refunded = { id: 'r-1', amountMinor: 100, reason: '', status: 'refunded' } as const;
const cancellation = { status: 'requested', reason: '' } as const;

const ended: readonly Partial<Order>[] = [
  { status: 'cancelled', cancellation: { ...cancellation, status: 'accepted' } },
  { status: 'failed', failure },
  { status: 'failed', failure, cancellation: { ...cancellation, status: 'rejected' } },
  { status: 'refunded', paidMinor: 100, refunds: [refunded] },
];
const open: readonly Partial<Order>[] = [
  { status: 'pending' },
  { status: 'completed', paidMinor: 100 },
  { status: 'fulfilled', paidMinor: 100 },
  { status: 'failed', failure: { ...failure, recoverable: true } },
  { status: 'failed', failure, cancellation },
  { status: 'refunded', paidMinor: 100, refunds: [refunded], cancellation },
];
const commands: readonly OrderCommand[] = [
  { type: 'cancel', reason: '' },
  { type: 'pay' },
  { type: 'refund', refundId: 'r-2', reason: '' },
  { type: 'fulfil' },
];

describe('an order', () => {
  test.each(ended)('has ended, and no command changes it any more: %j', (changes) => {
    const order = orderWith({ payment: 'manual', ...changes });
    expect(hasEnded(order)).toBe(true);
    expect(commands.map((command) => decide(order, command).outcome)).not.toContain('accepted');
  });

  test.each(open)('can still change, or is owed an answer: %j', (changes) => {
    expect(hasEnded(orderWith(changes))).toBe(false);
  });
});
