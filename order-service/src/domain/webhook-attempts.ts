const [second, minute, hour] = [1_000, 60_000, 3_600_000];

/** How long to wait after each attempt that failed, in milliseconds; after the last one nothing more is tried. */
export const retryDelaysMs: readonly number[] = [
  5 * second,
  5 * minute,
  30 * minute,
  2 * hour,
  5 * hour,
  10 * hour,
  14 * hour,
  20 * hour,
  24 * hour,
];

/** A receiver may ask for more patience than that, up to here. */
const longestRetryAfterMs = 24 * hour;
/** Waiting times are drawn out by up to this part, so that what failed together does not come back together. */
const spread = 0.2;

/** What came back, if anything did. */
export interface Answer {
  readonly statusCode?: number | undefined;
  /** In milliseconds, from the header `Retry-After`. */
  readonly retryAfterMs?: number | undefined;
}

export type Verdict =
  | { readonly status: 'delivered' }
  | { readonly status: 'pending'; readonly delayMs: number }
  /** `isGone`: the receiver wants to hear nothing any more. */
  | { readonly status: 'failed'; readonly isGone: boolean };

/**
 * What an answer means for a delivery, after so many attempts with this one: any 2xx is success, 410 the end of it, and
 * everything else, redirects included, is tried again for as long as the schedule goes.
 *
 * @param random between 0 and 1
 */
export function judge(
  { statusCode, retryAfterMs = 0 }: Answer,
  attempts: number,
  random: number,
  delaysMs: readonly number[] = retryDelaysMs,
): Verdict {
  if (statusCode !== undefined && statusCode >= 200 && statusCode < 300) return { status: 'delivered' };
  if (statusCode === 410) return { status: 'failed', isGone: true };
  const delay = delaysMs[attempts - 1];
  if (delay === undefined) return { status: 'failed', isGone: false };
  const asked = statusCode === 429 || statusCode === 503 ? Math.min(retryAfterMs, longestRetryAfterMs) : 0;
  return { status: 'pending', delayMs: Math.max(delay * (1 + spread * random), asked) };
}
