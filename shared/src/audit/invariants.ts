/** What must never break, in the words of ARCHITECTURE.md. */
export const invariants = {
  I1: 'An acknowledged order exists',
  I2: 'Every order ends in exactly one way; a replayed failure may end once more',
  I3: 'One order per idempotency key, and the same answer every time',
  I4: 'Money is captured at most once, and held only for orders that are worth it',
  I5: 'Stock is conserved, never negative, and held for orders under way only',
  I6: 'Every committed message is published, and nothing else is',
  I7: 'Every effect happens once per message',
  I8: 'The messages about an order take effect in order',
  I9: 'No message waits in the outbox while the broker is there',
  I10: 'A message is processed or a dead letter, never both, never neither',
  I11: 'No saga is stuck',
  I12: 'Every order gets a final reply, and repeated replies are identical',
  I13: 'After a load everything is as it was before: queues, sessions, memory',
} as const;

export type InvariantId = keyof typeof invariants;

export const invariantIds = Object.keys(invariants) as readonly InvariantId[];
