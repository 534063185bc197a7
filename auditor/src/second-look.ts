import type { Finding } from '#shared/audit/check.ts';
import { sleep } from '#shared/kernel/sleep.ts';

const firstPauseMs = 250;
const longestPauseMs = 5_000;

/**
 * Looks again at what was found, until it is gone or the patience is at its end. The witnesses are asked one after the
 * other: what was in flight between them looks wrong once, and not for long.
 *
 * @param look what is wrong with these subjects now
 */
export async function confirm(
  findings: readonly Finding[],
  options: { look: (subjects: readonly string[]) => Promise<readonly Finding[]>; patienceMs: number },
): Promise<readonly Finding[]> {
  const { look, patienceMs } = options;
  const deadline = Date.now() + patienceMs;
  let left = findings;
  for (let pauseMs = firstPauseMs; left.length > 0 && Date.now() < deadline; pauseMs *= 2) {
    await sleep(Math.min(pauseMs, longestPauseMs, Math.max(0, deadline - Date.now())));
    const before = new Set(left.map(keyOf));
    const now = await look([...new Set(left.map(({ subject }) => subject))]);
    left = now.filter((finding) => before.has(keyOf(finding)));
  }
  return left;
}

/** The same wrong may be in other words when it has moved on. */
function keyOf({ invariant, subject }: Finding): string {
  return `${invariant} ${subject}`;
}
