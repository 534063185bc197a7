/**
 * Preloaded into a process (`--expose-gc --import`) to find out how much memory it really needs: the most that was alive
 * right after a collection of garbage, in megabytes, is in the file named by `LIVE_MEMORY_FILE` when the process ends.
 */
import { writeFileSync } from 'node:fs';

const everyMs = 100;
const { gc } = globalThis as { gc?: () => void };
const { LIVE_MEMORY_FILE: file } = process.env;

if (gc && file) {
  let most = 0;
  const sample = (): void => {
    gc();
    const { heapUsed, external } = process.memoryUsage();
    most = Math.max(most, (heapUsed + external) / 1e6);
  };
  setInterval(sample, everyMs).unref();
  process.on('exit', () => {
    sample();
    writeFileSync(file, String(most));
  });
}
