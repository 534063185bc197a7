import { expect, test } from '@jest/globals';
import { createLogger } from '../observability/logger.ts';
import { createPeriodicWork } from './periodic-work.ts';

const logger = createLogger({ service: 'test', level: 'silent' });

function periodically(work: () => Promise<boolean>) {
  return createPeriodicWork({ work, intervalMs: 1, complaint: 'failed', turnWithinMs: 60, logger });
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 5));
}

test('work is stuck when one turn does not end, and no longer when it does', async () => {
  let release = () => {};
  let turns = 0;
  const work = periodically(async () => {
    turns += 1;
    if (turns === 2) await new Promise<void>((resolve) => (release = resolve));
    return false;
  });
  expect(work.isStuck()).toBe(false);
  work.start();
  await until(() => work.isStuck());
  expect(turns).toBe(2);
  release();
  await until(() => !work.isStuck());
  await work.stop();
});

test('work that fails in every turn is not stuck', async () => {
  let turns = 0;
  let wasStuck = false;
  const work = periodically(async () => {
    turns += 1;
    wasStuck ||= work.isStuck();
    throw new Error('away');
  });
  work.start();
  await until(() => turns > 100);
  await work.stop();
  expect(wasStuck).toBe(false);
});
