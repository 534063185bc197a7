import type { Logger } from '#shared/observability/logger.ts';
import type { ReplayRun } from '../ports/replay-runs.ts';
import type { CarryOutRun } from './replay-run.ts';

/** Carries runs out in this process while others go on with their work. */
export interface ReplaysInBackground {
  carryOut(run: ReplayRun, operator: string): void;
  /** Ends them after the batch under way and leaves them to be resumed; nobody resumes them by themselves. */
  stop(): Promise<void>;
}

export function createReplaysInBackground(dependencies: {
  carryOut: CarryOutRun;
  logger: Logger;
}): ReplaysInBackground {
  const { carryOut, logger } = dependencies;
  const stopping = new AbortController();
  const underWay = new Set<Promise<void>>();
  return {
    carryOut(run, operator) {
      const facts = { runId: run.id, operator };
      logger.info(facts, 'replay of dead letters begins');
      const work = carryOut(run, { operator, signal: stopping.signal }).then(
        () => logger.info(facts, 'replay of dead letters is over'),
        (error: unknown) => logger.error({ ...facts, err: error }, 'replay of dead letters broke off'),
      );
      underWay.add(work);
      void work.finally(() => underWay.delete(work));
    },
    async stop() {
      stopping.abort();
      await Promise.all(underWay);
    },
  };
}
