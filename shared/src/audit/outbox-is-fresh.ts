import type { WholeCheck } from './background-audit.ts';

const staleMs = 30_000;
const most = 100;

/** A message that waits. */
export interface WaitingMessage {
  readonly id: number;
  readonly orderId: string;
  readonly type: string;
}

/**
 * The outbox drains from its oldest end: what was among the oldest in two looks in a row, with the broker there at both,
 * is not just part of a backlog.
 *
 * @param options.waiting the oldest that have waited for so long
 */
export function outboxIsFresh(options: {
  waiting: (forMs: number, limit: number) => Promise<readonly WaitingMessage[]>;
  isBrokerThere: () => boolean;
}): WholeCheck {
  const { waiting, isBrokerThere } = options;
  let before: ReadonlySet<number> = new Set();
  return {
    source: 'outbox',
    async find() {
      if (!isBrokerThere()) {
        before = new Set();
        return undefined;
      }
      const messages = await waiting(staleMs, most);
      const stale = messages.filter(({ id }) => before.has(id));
      before = new Set(messages.map(({ id }) => id));
      return stale.map(({ orderId, type }) => ({
        invariant: 'I9',
        subject: orderId,
        what: `has ${type} waiting in the outbox`,
      }));
    },
  };
}

/** What is compared, for people. */
export const outboxFreshness = {
  invariant: 'I9',
  compares: 'the oldest messages in the outbox with the clock, while the broker is there',
} as const;
