import type { Finding } from './check.ts';

/** How far one way through the orders has led. Times are milliseconds since 1970. */
export interface FeedProgress {
  /** Where the next look begins; `null`: at the beginning. */
  readonly position: string | null;
  /** Everything on this way up to then has been looked at in this round. */
  readonly until: number | null;
  /** When it last came to its end. */
  readonly completedAt: number | null;
}

export type Progress = Readonly<Record<string, FeedProgress>>;

export interface KeptFinding extends Finding {
  readonly firstSeenAt: Date;
  readonly lastSeenAt: Date;
}

export interface AuditStatus {
  /** `null`: no run has ended yet. */
  readonly finishedAt: Date | null;
  /** How many looks at an order there were, in all runs. */
  readonly checked: number;
  readonly progress: Progress;
  readonly counts: Readonly<Partial<Record<Finding['invariant'], number>>>;
  /** The oldest first. */
  readonly findings: readonly KeptFinding[];
}

/** What the auditor of a service remembers, for all of its replicas. Every operation may reject with an AppError. */
export interface AuditStore {
  /** Makes a run this process's own; `undefined` when the last one began less than `everyMs` ago, here or elsewhere. */
  begin(everyMs: number): Promise<Progress | undefined>;
  finish(progress: Progress, checked: number): Promise<void>;
  /** Up to `limit` subjects with findings from `source`, those not seen for longest first. */
  suspects(source: string, limit: number): Promise<readonly string[]>;
  /**
   * Puts what was found now about these subjects in the place of what was found before, of `source` alone.
   *
   * @param subjects `'all'`: whatever subject
   * @returns what is new of it
   */
  replace(
    source: string,
    subjects: readonly string[] | 'all',
    findings: readonly Finding[],
  ): Promise<readonly Finding[]>;
  status(mostFindings: number): Promise<AuditStatus>;
}
