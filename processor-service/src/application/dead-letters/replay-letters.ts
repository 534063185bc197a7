import { toReplay } from '#shared/messaging/forward-message.ts';
import type { DeadLetter } from '../ports/dead-letter-queues.ts';
import type { OperatorAction } from '../ports/operator-actions.ts';
import { aboutLetter } from './about-letter.ts';
import type { ActOnLetters, LetterAction, LetterOutcome } from './act-on-letters.ts';
import type { ActOnOne } from './act-on-one.ts';
import { requireDestination } from './destination.ts';

interface Sender {
  readonly operator: string;
  /** The run of several replays that it is part of. */
  readonly runId?: string;
}

/** A letter goes back to where it was first published: same id, same body, one replay more. */
function planReplay({ message }: DeadLetter, { operator, runId }: Sender): Omit<LetterAction, 'letter'> {
  return {
    intent: { action: 'replay', operator, replayRunId: runId, ...aboutLetter(message) },
    // What a crash left half done goes on in the name of whoever began it: it is the same message.
    toMessage(begun) {
      requireDestination(message);
      return toReplay(message, { by: begun.operator, at: begun.at, runId: begun.replayRunId });
    },
  };
}

export type ReplayLetters = (letters: readonly DeadLetter[], by: Sender) => Promise<readonly LetterOutcome[]>;

export function createReplayLetters(dependencies: { actOnLetters: ActOnLetters }): ReplayLetters {
  const { actOnLetters } = dependencies;
  return (letters, by) => actOnLetters(letters.map((letter) => ({ letter, ...planReplay(letter, by) })));
}

/**
 * Sends one letter back.
 *
 * @throws AppError `MESSAGE_NOT_FOUND`, and what publishing throws; then the letter is still there
 */
export type ReplayLetter = (wish: {
  id: string;
  queues: readonly string[];
  operator: string;
}) => Promise<OperatorAction>;

export function createReplayLetter(dependencies: { actOnOne: ActOnOne }): ReplayLetter {
  const { actOnOne } = dependencies;
  return ({ id, queues, operator }) => actOnOne({ id, queues }, (letter) => planReplay(letter, { operator }));
}
