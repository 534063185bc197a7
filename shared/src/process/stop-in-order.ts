import type { Logger } from 'pino';
import { sleep } from '../kernel/sleep.ts';

/** For what is in hand. The doors cut off after 5 s who does not go on. */
export const finishWithinMs = 5_500;
/** For what has nothing in hand any more. Together with the last spans, all of it is less than a process has for stopping. */
export const letGoWithinMs = 1_000;

/** Parts that stop side by side, by name, and how long the next stage waits for them, in milliseconds. */
export interface StopStage {
  readonly withinMs: number;
  readonly parts: Readonly<Record<string, () => Promise<unknown>>>;
}

/**
 * Stops a service stage by stage. A part that fails or takes too long, because what it talks to does not answer, is named
 * in the log and left behind: whatever it still had in hand is safe, as after a crash. Never throws.
 */
export async function stopInOrder(stages: readonly StopStage[], logger: Logger): Promise<void> {
  for (const { withinMs, parts } of stages) {
    const unfinished = new Set(Object.keys(parts));
    const stopping = Object.entries(parts).map(async ([part, stop]) => {
      try {
        await stop();
      } catch (error) {
        logger.error({ part, err: error }, 'could not stop in order');
      }
      unfinished.delete(part);
    });
    const done = new AbortController();
    const finished = Promise.all(stopping).then(() => done.abort());
    await Promise.race([finished, sleep(withinMs, done.signal)]);
    if (unfinished.size > 0)
      logger.warn({ parts: [...unfinished] }, 'did not stop in time and is left behind');
  }
}
