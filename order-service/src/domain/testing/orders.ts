import type { Order } from '../order.ts';

export const now = new Date('2026-01-02T03:04:05.678Z');

/** An order as it is right after it was placed, with changes. */
export function orderWith(changes: Partial<Order> = {}): Order {
  return {
    id: '01a1fbf4-b78c-76fb-8985-bfb8b76312a0',
    customerId: 'c-1',
    status: 'pending',
    currency: 'EUR',
    items: [{ sku: 'A', quantity: 1, unitPriceMinor: 100 }],
    totalMinor: 100,
    description: null,
    metadata: {},
    failure: null,
    payment: 'automatic',
    paymentRequested: false,
    paidMinor: 0,
    refunds: [],
    cancellation: null,
    version: 1,
    processingRun: 0,
    processingSequence: 0,
    eventSequence: 1,
    createdAt: now,
    updatedAt: now,
    ...changes,
  };
}
