import type { Selection } from '../dead-letters/selection.ts';

/** A replay of several letters: what was asked for, and how far it is. */
export interface ReplayRun {
  readonly id: string;
  readonly operator: string;
  readonly selection: Selection;
  /** `interrupted`: it should be going on, but whoever carried it out has given no sign of life for a while. */
  readonly status: 'running' | 'interrupted' | 'finished' | 'stopped' | 'halted';
  /** How many letters it has sent back. */
  readonly replayed: number;
  readonly batchSize: number;
  readonly ratePerSecond: number;
  /** Why it was halted. */
  readonly reason: string | null;
  readonly startedAt: Date;
  /** The last sign of life. */
  readonly updatedAt: Date;
  readonly endedAt: Date | null;
}

export type ReplayRunEnd = Pick<ReplayRun, 'reason'> & {
  readonly status: Extract<ReplayRun['status'], 'finished' | 'stopped' | 'halted'>;
};

/** The replays of several letters. Every method may throw `DATABASE_UNAVAILABLE`. */
export interface ReplayRuns {
  create(
    run: Pick<ReplayRun, 'id' | 'operator' | 'selection' | 'ratePerSecond'> & { readonly at: Date },
  ): Promise<void>;
  find(id: string, now: Date): Promise<ReplayRun | undefined>;
  /** The latest ones first. */
  list(options: { limit: number; now: Date }): Promise<readonly ReplayRun[]>;
  /** A sign of life of whoever carries the run out. `false`: it was ended meanwhile. */
  beat(id: string, state: { at: Date; batchSize: number }): Promise<boolean>;
  /** `false`: it had ended already. */
  end(id: string, end: ReplayRunEnd & { at: Date }): Promise<boolean>;
  /** Nobody carries it out from now on: it counts as interrupted at once. */
  leave(id: string, at: Date): Promise<void>;
  /** Makes a run that was interrupted, stopped or halted go on, for one caller only. `false`: it waits for nobody. */
  take(id: string, at: Date): Promise<boolean>;
}
