import { RateLimiterMemory, type RateLimiterRes } from 'rate-limiter-flexible';
import { AppError } from '../kernel/errors.ts';
import { anonymous, type Caller, nobody } from './caller.ts';

/** How many requests one caller may make within a window. */
export interface Rate {
  readonly requests: number;
  readonly windowMs: number;
}

/** Where a caller stands in its window. */
export interface Standing {
  readonly remaining: number;
  readonly resetMs: number;
  readonly isExceeded: boolean;
}

export interface RateLimiter {
  readonly rate: Rate;
  /** Counts a request: for the subject of the caller where it is authenticated, for the address otherwise. */
  count(caller: Caller, address: string): Promise<Standing>;
}

/** Counts in the memory of this process: all doors of a service have one together, each of its processes its own. */
export function createRateLimiter(rate: Rate): RateLimiter {
  const limiter = new RateLimiterMemory({ points: rate.requests, duration: rate.windowMs / 1_000 });
  return {
    rate,
    async count(caller, address) {
      const isKnown = caller !== anonymous && caller !== nobody;
      const key = isKnown ? `subject ${caller.subject}` : `address ${address}`;
      try {
        return standingOf(await limiter.consume(key), false);
      } catch (exceeded) {
        return standingOf(exceeded as RateLimiterRes, true);
      }
    },
  };
}

function standingOf({ remainingPoints, msBeforeNext }: RateLimiterRes, isExceeded: boolean): Standing {
  return { remaining: remainingPoints, resetMs: msBeforeNext, isExceeded };
}

/** The refusal of a request too many, which says when to come back. */
export function tooManyRequests({ requests, windowMs }: Rate, { resetMs }: Standing): AppError {
  return new AppError({
    code: 'TOO_MANY_REQUESTS',
    kind: 'rejected',
    message: `at most ${requests} requests in ${toSeconds(windowMs)} s`,
    data: { retryAfterSeconds: Math.max(1, toSeconds(resetMs)) },
  });
}

export function toSeconds(ms: number): number {
  return Math.ceil(ms / 1_000);
}
