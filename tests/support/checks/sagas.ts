import type { Evidence, StoredSaga } from '../evidence.ts';
import { waitsForOperator } from './at-rest.ts';
import type { Flaws } from './finding.ts';

/** How soon a saga has to move once its deadline is past, in milliseconds. */
const graceMs = 30_000;
const ended: readonly string[] = ['completed', 'failed', 'cancelled', 'refunded'];

export function* sagasMove({ sagas, leave, at }: Evidence): Flaws {
  for (const saga of sagas) {
    const { orderId: subject, state, trouble, deadlineAt } = saga;
    if (waitsForOperator(saga)) {
      if (!leave.attention) yield { subject, what: `needs attention because of ${trouble?.code}` };
    } else if (hasEnded(saga)) {
      if (deadlineAt) yield { subject, what: `is ${state} and has a deadline` };
    } else if (!deadlineAt) {
      yield { subject, what: `is ${state} and has no deadline` };
    } else if (at.getTime() - deadlineAt.getTime() > graceMs) {
      yield { subject, what: `is ${state} and should have moved at ${deadlineAt.toISOString()}` };
    }
  }
}

function hasEnded({ state, refunds }: StoredSaga): boolean {
  return ended.includes(state) && !refunds.some((refund) => refund.state === 'requested');
}
