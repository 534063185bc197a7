import type { Evidence, StoredOrder, StoredSaga } from '../evidence.ts';

/** Whether an order rests half-way because nobody has asked for its payment yet. */
export function waitsForCustomer({ status, payment, paymentRequested }: StoredOrder): boolean {
  return status === 'reserved' && payment === 'manual' && !paymentRequested;
}

/** Whether a saga can only be finished after an operator has resumed it. */
export function waitsForOperator(saga: StoredSaga | undefined): boolean {
  return saga?.state === 'needs_attention' || stuckRefundsOf(saga) > 0;
}

function stuckRefundsOf(saga: StoredSaga | undefined): number {
  return (saga?.refunds ?? []).filter(({ state }) => state === 'needs_attention').length;
}

/** The orders about which the promises are not due yet, because a test left their sagas to an operator. */
export function leftToOperator({ leave, sagas }: Evidence): ReadonlySet<string> {
  return new Set(leave.attention ? sagas.filter(waitsForOperator).map(({ orderId }) => orderId) : []);
}

/** Whether a failure waits for a replay of its message. */
export function isRecoverable(saga: StoredSaga | undefined): boolean {
  return saga?.state === 'failed' && saga.failure?.recoverable === true && !saga.cancelRequested;
}
