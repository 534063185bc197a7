/** Tells whether something that has to come round again and again still does. */
export interface Pulse {
  /** It came round. */
  beat(): void;
  /** It has not for so long that no wait of its own, all of which are bounded, can be the reason. */
  isStuck(): boolean;
}

/** Far above what the time limits of database, broker and provider add up to in one turn of any of our loops. */
export const stuckAfterMs = 300_000;
const ticks = 60;

/**
 * A pulse that beats now. Time counts only while this process runs: one that was stopped for an hour, or whose clock was
 * set, has not been stuck for an hour.
 */
export function createPulse(withinMs = stuckAfterMs): Pulse {
  let ticksSince = 0;
  setInterval(() => {
    ticksSince += 1;
  }, withinMs / ticks).unref();
  return {
    beat() {
      ticksSince = 0;
    },
    isStuck: () => ticksSince > ticks,
  };
}
