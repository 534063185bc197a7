import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { registerLookedUpGauges } from './looked-up-gauges.ts';
import { metricsRegistry } from './registry.ts';

interface Found {
  readonly all: number;
  readonly byQueue: Readonly<Record<string, number>>;
}

let looks = 0;
let look: () => Promise<Found | undefined>;

beforeEach(() => {
  looks = 0;
  metricsRegistry.clear();
  const counted = () => {
    looks += 1;
    return look();
  };
  registerLookedUpGauges(counted, [
    { name: 'all', help: 'All of them', tell: (gauge, { all }) => gauge.set(all) },
    {
      name: 'by_queue',
      help: 'Each of them',
      labelNames: ['queue'],
      tell: (gauge, { byQueue }) => {
        for (const [queue, count] of Object.entries(byQueue)) gauge.set({ queue }, count);
      },
    },
  ]);
});
afterEach(() => {
  jest.useRealTimers();
});

async function samples(): Promise<string[]> {
  return (await metricsRegistry.metrics()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
}

test('gauges that belong together are told by one look', async () => {
  look = async () => ({ all: 3, byQueue: { a: 1, b: 2 } });
  expect(await samples()).toEqual(['all 3', 'by_queue{queue="a"} 1', 'by_queue{queue="b"} 2']);
  expect(looks).toBe(1);
});

test('what is not found any more is not told any more', async () => {
  look = async () => ({ all: 3, byQueue: { a: 1, b: 2 } });
  await samples();
  look = async () => ({ all: 2, byQueue: { b: 2 } });
  expect(await samples()).toEqual(['all 2', 'by_queue{queue="b"} 2']);
});

test.each([
  ['fails', () => Promise.reject(new Error('away'))],
  ['finds nothing', async () => undefined],
])('a look that %s tells nothing, rather than what was true before', async (_, nothing) => {
  look = async () => ({ all: 3, byQueue: { a: 1 } });
  await samples();
  look = nothing;
  expect(await samples()).toEqual([]);
  look = async () => ({ all: 4, byQueue: {} });
  expect(await samples()).toEqual(['all 4']);
});

test('a look that does not come to an end holds nothing up', async () => {
  jest.useFakeTimers();
  look = () => new Promise(() => {});
  const told = samples();
  await jest.advanceTimersByTimeAsync(3_000);
  expect(await told).toEqual([]);
});
