import type { Workload } from '../workload.ts';

/** What the driver is asked to do. */
export interface LoadJob {
  readonly url: string;
  readonly workload: Workload;
  /** Orders are numbered on from here. */
  readonly firstIndex: number;
  /** At most this many. */
  readonly count: number;
  /** Requests under way at the same time. */
  readonly callers: number;
  /** No more requests after this time, in milliseconds. */
  readonly forMs?: number;
  /** One request per so many milliseconds, whatever became of those before; without it, as fast as they are answered. */
  readonly everyMs?: number;
}

/** What came of it. Times are in milliseconds on the monotonic clock. */
export interface LoadResult {
  /** When the first request was sent and when the last answer came. */
  readonly startedAt: number;
  readonly finishedAt: number;
  /** Id, number and time to the answer of every order that was accepted; the three go together by position. */
  readonly ids: readonly string[];
  readonly indexes: readonly number[];
  readonly answerMs: Float64Array;
  /** What was answered instead of 201, or why there was no answer. */
  readonly failures: readonly string[];
}

export type DriverMessage =
  | { readonly kind: 'progress'; readonly accepted: number }
  | { readonly kind: 'done'; readonly result: LoadResult }
  | { readonly kind: 'failed'; readonly reason: string };
