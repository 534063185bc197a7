import type { OrderToProcess } from '../order-to-process.ts';
import type { Saga, SagaState } from '../saga.ts';

/** Two pieces of A and, in two lines, four of B; for 100 minor units. */
export const someOrder: OrderToProcess = {
  orderId: '01a1fbf4-b78c-76fb-8985-bfb8b76312a0',
  customerId: 'c-1',
  currency: 'EUR',
  totalMinor: 100,
  payment: 'automatic',
  items: [
    { sku: 'B', quantity: 1 },
    { sku: 'A', quantity: 2 },
    { sku: 'B', quantity: 3 },
  ],
};

export const someTime = new Date('2026-01-02T03:04:05.678Z');

export function sagaIn(state: SagaState, changes: Partial<Saga> = {}): Saga {
  return {
    order: someOrder,
    state,
    run: 0,
    replays: 0,
    messageId: '01a1fbf4-b78c-76fb-8985-c0f74e8924a3',
    correlationId: 'c',
    traceparent: 't',
    paymentId: null,
    failure: null,
    paymentRequested: true,
    cancelRequested: false,
    refunds: [],
    attempts: 0,
    trouble: null,
    eventSequence: 0,
    startedAt: someTime,
    updatedAt: someTime,
    deadlineAt: null,
    ...changes,
  };
}
