/**
 * Runs jobs one after the other, in the order in which they were given. Each call settles as its own job does; a job
 * that fails does not keep the next one from running.
 */
export function createSequence(): (job: () => Promise<void>) => Promise<void> {
  let last: Promise<unknown> = Promise.resolve();
  return (job) => {
    const done = last.then(job);
    last = done.catch(() => undefined);
    return done;
  };
}
