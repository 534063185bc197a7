/** One press of Ctrl-C arrives twice under npm: from the terminal, and passed on by npm itself. */
const sameRequestMs = 1_000;
const parentCheckMs = 200;

/**
 * Calls `first` when this process is asked to end, by a signal, by the terminal going away, or by the end of the npm
 * that runs it (a killed npm cannot pass anything on), and `again` when it is asked once more after that.
 */
export function onStopRequest({ first, again }: { first: () => void; again: () => void }): void {
  let requestedAt: number | undefined;
  const request = () => {
    if (requestedAt === undefined) {
      requestedAt = performance.now();
      first();
    } else if (performance.now() - requestedAt > sameRequestMs) {
      again();
    }
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, request);

  const parent = process.ppid;
  if (process.env['npm_lifecycle_event'] === undefined) return;
  const watch = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(watch);
    request();
  }, parentCheckMs);
  watch.unref();
}
