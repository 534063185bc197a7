import { setTimeout as delay } from 'node:timers/promises';
import type { ProcessExit, RunningProcess } from './child-process.ts';

export interface Stoppable {
  stop(): Promise<void>;
}

const firstPauseMs = 500;
const longestPauseMs = 15_000;
/** Whoever ran this long did not fail at starting: the next pause is a short one again. */
const settledAfterMs = 30_000;

/**
 * Keeps something running: whenever it ends without being asked to, it is started again, after pauses that double up
 * to fifteen seconds. Every end and every attempt is told to `log`.
 */
export function keepRunning<Running extends RunningProcess>(options: {
  readonly running: Running;
  readonly restart: () => Promise<Running>;
  readonly onRestart?: ((running: Running) => void) | undefined;
  readonly log: (line: string) => void;
  /** Once aborted, whatever ends stays ended. */
  readonly signal?: AbortSignal | undefined;
}): Stoppable {
  const { restart, onRestart, log } = options;
  const name = options.running.name;
  const stopped = new AbortController();
  const stopping = AbortSignal.any([
    stopped.signal,
    ...(options.signal === undefined ? [] : [options.signal]),
  ]);
  let current = options.running;

  const supervise = async () => {
    let failures = 0;
    while (!stopping.aborted) {
      const since = Date.now();
      const exit = await current.exited;
      if (stopping.aborted) return;
      if (Date.now() - since > settledAfterMs) failures = 0;
      const pauseMs = Math.min(firstPauseMs * 2 ** failures, longestPauseMs);
      failures += 1;
      log(`${name} ${describe(exit)}; starting it again in ${pauseMs / 1000} s`);
      await delay(pauseMs, undefined, { signal: stopping }).catch(() => undefined);
      if (stopping.aborted) return;
      try {
        current = await restart();
        log(`${name} runs again (process ${current.pid})`);
        onRestart?.(current);
      } catch (error) {
        log((error as Error).message);
      }
    }
    await current.stop();
  };
  const ended = supervise();
  return {
    stop: async () => {
      stopped.abort();
      await current.stop();
      await ended;
    },
  };
}

/** Starts several things at once. If one does not come up, the others are stopped before its error is thrown. */
export async function startTogether<Started extends readonly Stoppable[]>(
  starts: {
    [Index in keyof Started]: Promise<Started[Index]>;
  },
): Promise<Started> {
  const results = await Promise.allSettled<Stoppable>(starts);
  const failed = results.find((result) => result.status === 'rejected');
  const started = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  if (failed === undefined) return started as unknown as Started;
  await Promise.all(started.map((each) => each.stop()));
  throw failed.reason;
}

function describe(exit: ProcessExit): string {
  return exit.signal === null ? `ended with code ${exit.code}` : `was ended by ${exit.signal}`;
}
