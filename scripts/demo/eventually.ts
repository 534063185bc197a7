import { setTimeout as delay } from 'node:timers/promises';
import { StoryFailed } from './story-failed.ts';

/** Waits until something is as it has to be. */
export type Eventually = <Seen>(wait: {
  /** What is waited for, as the end of "expected …". */
  readonly expected: string;
  readonly look: () => Promise<Seen>;
  readonly is: (seen: Seen) => boolean;
  /** What was seen last, for the one who has waited in vain. */
  readonly found: (seen: Seen) => string;
  readonly withinMs?: number;
}) => Promise<Seen>;

const usualPatienceMs = 20_000;
const pauseMs = 50;

/** @param leaving ends every wait with its reason */
export function createEventually(leaving: AbortSignal): Eventually {
  return async ({ expected, look, is, found, withinMs = usualPatienceMs }) => {
    const deadline = Date.now() + withinMs;
    for (;;) {
      leaving.throwIfAborted();
      const seen = await look();
      if (is(seen)) return seen;
      if (Date.now() > deadline) {
        throw new StoryFailed(`expected ${expected} within ${withinMs / 1000} s; found ${found(seen)}`);
      }
      await delay(pauseMs);
    }
  };
}
