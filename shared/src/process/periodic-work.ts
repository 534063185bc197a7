import type { Logger } from 'pino';
import { sleep } from '../kernel/sleep.ts';
import { createPulse, stuckAfterMs } from './pulse.ts';

/** Something that is done again and again for as long as the process runs. */
export interface PeriodicWork {
  start(): void;
  /** A turn has no end. */
  isStuck(): boolean;
  /** Finishes what is under way. */
  stop(): Promise<void>;
}

/**
 * @param options.work answers whether there is more to do at once; otherwise, and after an error, it rests
 * @param options.complaint what the log says when it throws
 * @param options.turnWithinMs it counts as stuck when it takes longer; five minutes by default
 */
export function createPeriodicWork(options: {
  work: () => Promise<boolean>;
  intervalMs: number;
  complaint: string;
  turnWithinMs?: number;
  logger: Logger;
}): PeriodicWork {
  const { work, intervalMs, complaint, turnWithinMs = stuckAfterMs, logger } = options;
  const stopping = new AbortController();
  const pulse = createPulse(intervalMs + turnWithinMs);
  let running: Promise<void> | undefined;

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      pulse.beat();
      const isMore = await work().catch((error: unknown) => {
        logger.warn({ err: error }, complaint);
        return false;
      });
      if (!isMore) await sleep(intervalMs, stopping.signal);
    }
  }

  return {
    start() {
      running ??= run();
    },
    isStuck: () => running !== undefined && pulse.isStuck(),
    async stop() {
      stopping.abort();
      await running;
    },
  };
}
