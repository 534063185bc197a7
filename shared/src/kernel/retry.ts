import { type Backoff, backoffDelay } from './backoff.ts';
import { sleep } from './sleep.ts';

/**
 * Does `work` until it succeeds, fails with an error that `isPassing` does not recognise, or has failed `attempts` times;
 * then the last error is thrown. Between two attempts it waits as `backoff` says, with jitter.
 */
export async function retry<T>(
  work: () => Promise<T>,
  options: { attempts: number; backoff: Backoff; isPassing: (error: unknown) => boolean },
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (attempt >= options.attempts || !options.isPassing(error)) throw error;
      await sleep(backoffDelay(options.backoff, attempt));
    }
  }
}
