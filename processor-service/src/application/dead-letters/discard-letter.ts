import type { OperatorAction } from '../ports/operator-actions.ts';
import { aboutLetter, originalOf } from './about-letter.ts';
import type { ActOnOne } from './act-on-one.ts';

/**
 * Takes a letter out of its queue for good. What it was is kept in the audit, with the reason.
 *
 * @throws AppError `MESSAGE_NOT_FOUND`
 */
export type DiscardLetter = (wish: {
  id: string;
  queues: readonly string[];
  reason: string;
  operator: string;
}) => Promise<OperatorAction>;

export function createDiscardLetter(dependencies: { actOnOne: ActOnOne }): DiscardLetter {
  const { actOnOne } = dependencies;
  return ({ id, queues, reason, operator }) =>
    actOnOne({ id, queues }, ({ message }) => ({
      intent: { action: 'discard', operator, reason, ...aboutLetter(message), original: originalOf(message) },
    }));
}
