import { AppError } from '#shared/kernel/errors.ts';
import type { DeadLetter, DeadLetterQueues } from '../ports/dead-letter-queues.ts';
import type { OperatorAction, OperatorActions } from '../ports/operator-actions.ts';
import type { ActOnLetters, LetterAction } from './act-on-letters.ts';
import { summarize } from './dead-letter.ts';
import { takeLetters } from './take-letters.ts';

/**
 * Looks for one letter and acts on it.
 *
 * @returns the line of the audit, which may be that of somebody who began the same before
 * @throws AppError `MESSAGE_NOT_FOUND`, and what acting on the letter fails of; then the letter is still there
 */
export type ActOnOne = (
  which: { id: string; queues: readonly string[] },
  plan: (letter: DeadLetter) => Omit<LetterAction, 'letter'>,
) => Promise<OperatorAction>;

export function createActOnOne(dependencies: {
  deadLetters: DeadLetterQueues;
  actOnLetters: ActOnLetters;
  actions: OperatorActions;
}): ActOnOne {
  const { deadLetters, actOnLetters, actions } = dependencies;

  async function notFound(id: string, queues: readonly string[]): Promise<AppError> {
    const [last] = await actions.list({ messageId: id, limit: 1 });
    const history = last ? `; ${last.action} by ${last.operator} at ${last.at.toISOString()}` : '';
    return new AppError({
      code: 'MESSAGE_NOT_FOUND',
      kind: 'rejected',
      message: `no message ${id} in ${queues.join(', ')}${history}`,
    });
  }

  return async ({ id, queues }, plan) => {
    await deadLetters.restoreBindings(queues);
    for (const queue of queues) {
      const outcomes = await takeLetters(deadLetters, {
        queue,
        most: 1,
        isWanted: ({ message }) => summarize(message).id === id,
        act: ([letter]) => actOnLetters(letter ? [{ letter, ...plan(letter) }] : []),
      });
      const outcome = outcomes?.[0];
      if (outcome?.error) throw outcome.error;
      if (outcome) return outcome.action;
    }
    throw await notFound(id, queues);
  };
}
