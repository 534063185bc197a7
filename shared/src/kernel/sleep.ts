/**
 * Waits `milliseconds`, or less: an aborted signal ends the wait at once and without an error. Until a time that is over
 * already there is nothing to wait for.
 */
export function sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const wake = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', wake);
      resolve();
    };
    const timer = setTimeout(wake, Math.max(0, milliseconds));
    signal?.addEventListener('abort', wake, { once: true });
  });
}
