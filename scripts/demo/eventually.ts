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
      const seen = await attempt(look);
      if ('value' in seen && is(seen.value)) return seen.value;
      if (Date.now() > deadline) {
        const instead = 'value' in seen ? `found ${found(seen.value)}` : seen.failure.message;
        throw new StoryFailed(`expected ${expected} within ${withinMs / 1000} s; ${instead}`);
      }
      await delay(pauseMs);
    }
  };
}

/** Who has just come back may not be able to answer everything yet: that is no reason not to ask once more. */
async function attempt<Seen>(
  look: () => Promise<Seen>,
): Promise<{ readonly value: Seen } | { readonly failure: StoryFailed }> {
  try {
    return { value: await look() };
  } catch (failure) {
    if (failure instanceof StoryFailed) return { failure };
    throw failure;
  }
}
