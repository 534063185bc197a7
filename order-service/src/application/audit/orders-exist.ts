import type { Check } from '#shared/audit/check.ts';
import type { OrderEvidence } from '../ports/order-evidence.ts';

/** Announcements, messages and history are written together with their order, or follow it. */
export const ordersExist: Check<OrderEvidence> = {
  invariant: 'I1',
  compares: 'outbox, inbox and history with the orders they name',
  *flaws({ order, announced, inbox, history }) {
    if (order) return;
    const traces = { announcements: announced, messages: inbox, 'events in the history': history };
    for (const [what, rows] of Object.entries(traces))
      if (rows.length > 0) yield `has ${what} and does not exist`;
  },
};
