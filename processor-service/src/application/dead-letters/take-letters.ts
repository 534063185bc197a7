import type { DeadLetter, DeadLetterQueues } from '../ports/dead-letter-queues.ts';

/**
 * Hands the first letters of a queue that are wanted, at most `most`, to `act` while they are in hand; what it does not
 * remove goes back. Answers `undefined` when there are none.
 */
export async function takeLetters<Result>(
  deadLetters: DeadLetterQueues,
  options: {
    queue: string;
    most: number;
    isWanted: (letter: DeadLetter) => boolean;
    act: (letters: readonly DeadLetter[]) => Promise<Result>;
  },
): Promise<Result | undefined> {
  const { queue, most, isWanted, act } = options;
  const found: DeadLetter[] = [];
  for await (const letter of deadLetters.browse(queue, { expected: most })) {
    if (!isWanted(letter)) continue;
    found.push(letter);
    if (found.length === most) return await act(found);
  }
  // At the end of the queue everything has gone back. Now it is known how many to wait for.
  return found.length === 0 ? undefined : takeLetters(deadLetters, { ...options, most: found.length });
}
