import type { Check } from '#shared/audit/check.ts';
import type { SagaEvidence } from '../ports/saga-evidence.ts';
import { refundedMinorOf } from './saga-standing.ts';

/** What a saga says about its own money. What the provider says only the provider can tell. */
export const paymentsAreAccountedFor: Check<SagaEvidence> = {
  invariant: 'I4',
  compares: 'the payment and the refunds that each saga has noted with its state and its total',
  *flaws({ saga }) {
    if (!saga) return;
    const { state, paymentId, totalMinor, refunds } = saga;
    const isPaid = state === 'completed' || state === 'refunded';
    if (isPaid && paymentId === null) yield `is ${state} and knows no payment`;
    const given = refundedMinorOf(saga);
    if (state === 'refunded' ? given !== totalMinor : given > 0 && given >= totalMinor)
      yield `is ${state} and gave ${given} of ${totalMinor} back`;
    if (!isPaid && refunds.some((refund) => refund.state !== 'rejected'))
      yield `is ${state} and has a refund that was not rejected`;
  },
};
