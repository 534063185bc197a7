import type { Clock } from '#shared/kernel/clock.ts';
import { AppError } from '#shared/kernel/errors.ts';
import { isUuid, newId } from '#shared/kernel/ids.ts';
import type { Audit } from '../audit.ts';
import type { ReplayRun, ReplayRuns } from '../ports/replay-runs.ts';
import type { Selection } from './selection.ts';

/** Replays of several letters: asked for, looked at, stopped and taken up again. Carrying them out is another matter. */
export interface Replays {
  begin(wish: { selection: Selection; ratePerSecond: number; operator: string }): Promise<ReplayRun>;
  /** @throws AppError `REPLAY_RUN_NOT_FOUND` */
  find(id: string): Promise<ReplayRun>;
  /** The latest ones first. */
  list(limit: number): Promise<readonly ReplayRun[]>;
  /**
   * Whoever carries it out notices at the next batch. Stopping what has been stopped changes nothing.
   *
   * @throws AppError `REPLAY_RUN_NOT_FOUND`, `REPLAY_RUN_CONFLICT`
   */
  stop(id: string, operator: string): Promise<ReplayRun>;
  /**
   * Hands a run that is not going on, and not finished, to the caller to carry out.
   *
   * @throws AppError `REPLAY_RUN_NOT_FOUND`, `REPLAY_RUN_CONFLICT`
   */
  resume(id: string, operator: string): Promise<ReplayRun>;
}

export function createReplays(dependencies: { runs: ReplayRuns; audit: Audit; clock: Clock }): Replays {
  const { runs, audit, clock } = dependencies;

  async function find(id: string): Promise<ReplayRun> {
    const run = isUuid(id) ? await runs.find(id, clock()) : undefined;
    if (run) return run;
    throw new AppError({
      code: 'REPLAY_RUN_NOT_FOUND',
      kind: 'rejected',
      message: `there is no replay ${id}`,
    });
  }

  return {
    async begin({ selection, ratePerSecond, operator }) {
      const id = newId();
      await runs.create({ id, selection, ratePerSecond, operator, at: clock() });
      return find(id);
    },

    find,

    list: (limit) => runs.list({ limit, now: clock() }),

    async stop(id, operator) {
      await find(id);
      const hasEnded = await runs.end(id, {
        status: 'stopped',
        reason: `stopped by ${operator}`,
        at: clock(),
      });
      const run = await find(id);
      if (hasEnded || run.status === 'stopped') return run;
      throw conflict(run, ['running', 'interrupted']);
    },

    async resume(id, operator) {
      const before = await find(id);
      if (!(await runs.take(id, clock())))
        throw conflict(await find(id), ['interrupted', 'stopped', 'halted']);
      const actions = await audit.intend([
        { action: 'resume', operator, replayRunId: id, reason: before.reason ?? undefined },
      ]);
      await audit.done(actions.map((action) => ({ action })));
      return find(id);
    },
  };
}

function conflict(run: ReplayRun, allowed: readonly ReplayRun['status'][]): AppError {
  return new AppError({
    code: 'REPLAY_RUN_CONFLICT',
    kind: 'conflict',
    message: `replay ${run.id} is ${run.status}`,
    data: { allowed },
  });
}
