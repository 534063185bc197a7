import { readFileSync } from 'node:fs';
import { collectDefaultMetrics, Gauge, register } from 'prom-client';

/** Upper bounds of histograms of durations, in seconds: from a statement in memory to what is given up on. */
export const durationBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** Upper bounds for what may wait for as long as a dependency is away, in seconds. */
export const waitingBuckets = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 600, 3_600,
];

/**
 * Begins to measure the process itself: memory, CPU, delay of the event loop, garbage collection; and says what runs.
 * To be called once by each process that serves metrics.
 */
export function measureProcess(service: string): void {
  register.setDefaultLabels({ service });
  collectDefaultMetrics();
  const manifest = new URL('../../../package.json', import.meta.url);
  const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string };
  new Gauge({
    name: 'oms_build_info',
    help: 'What runs: always 1',
    labelNames: ['version', 'node'],
  }).set({ version, node: process.version }, 1);
}

/** Seconds since a moment of `performance.now()`. */
export function secondsSince(start: number): number {
  return (performance.now() - start) / 1_000;
}

export { register as metricsRegistry } from 'prom-client';
