/** Exponential growth between two bounds, in milliseconds. */
export interface Backoff {
  readonly initialMs: number;
  readonly maximumMs: number;
}

/**
 * How long to wait before attempt number `attempt` (1 is the first repetition): doubles every time, never exceeds the
 * maximum, and is spread over its upper half so that many waiters do not return together ("equal jitter").
 */
export function backoffDelay(backoff: Backoff, attempt: number, random: () => number = Math.random): number {
  const full = Math.min(backoff.maximumMs, backoff.initialMs * 2 ** Math.max(0, attempt - 1));
  return full / 2 + (full / 2) * random();
}
