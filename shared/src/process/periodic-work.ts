import type { Logger } from 'pino';
import { sleep } from '../kernel/sleep.ts';

/** Something that is done again and again for as long as the process runs. */
export interface PeriodicWork {
  start(): void;
  /** Finishes what is under way. */
  stop(): Promise<void>;
}

/**
 * @param options.work answers whether there is more to do at once; otherwise, and after an error, it rests
 * @param options.complaint what the log says when it throws
 */
export function createPeriodicWork(options: {
  work: () => Promise<boolean>;
  intervalMs: number;
  complaint: string;
  logger: Logger;
}): PeriodicWork {
  const { work, intervalMs, complaint, logger } = options;
  const stopping = new AbortController();
  let running: Promise<void> | undefined;

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
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
    async stop() {
      stopping.abort();
      await running;
    },
  };
}
