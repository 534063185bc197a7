/** Places at which a crash test may end the process, each between two effects that cannot be made one. */
export const failpointNames = [
  'place-order.after-commit',
  'change-order.after-commit',
  'relay.before-publish',
  'relay.after-publish',
  'relay.after-confirm',
  'saga.before-charge',
  'saga.after-charge',
  'saga.after-settle',
  'saga.before-compensation',
  'saga.after-compensation',
  'saga.before-refund',
  'saga.after-refund',
  'consumer.before-ack',
  'consumer.before-retry',
  'consumer.before-park',
  'webhook.after-send',
  'desk.after-intent',
  'desk.after-publish',
  'desk.after-confirm',
  'desk.after-audit',
] as const;

export type FailpointName = (typeof failpointNames)[number];

/** Called at a named place; returns at once unless that place is armed. */
export type Failpoint = (name: FailpointName) => void;

/** What production runs: nothing is armed and nothing can be. */
export const noFailpoints: Failpoint = () => {};

/**
 * Ends the process with SIGKILL, as a power cut would, the first time one of the armed places is passed. The
 * configuration accepts armed failpoints only where `NODE_ENV` is `test`.
 */
export function createFailpoints(armed: readonly FailpointName[]): Failpoint {
  if (armed.length === 0) return noFailpoints;
  const places = new Set<FailpointName>(armed);
  return (name) => {
    if (places.has(name)) process.kill(process.pid, 'SIGKILL');
  };
}
