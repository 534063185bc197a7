import { expect, test } from '@jest/globals';
import { pino } from 'pino';
import { createLogger } from '#shared/observability/logger.ts';
import type { Saga } from '../domain/saga.ts';
import { sagaIn } from '../domain/testing/sagas.ts';
import { createSagaWatchdog } from './watch-sagas.ts';

test('the watchdog takes up everything that is overdue before it rests', async () => {
  const overdue = Array.from({ length: 1_234 }, () => sagaIn('reserved'));
  const driven: Saga[] = [];
  const rested = Promise.withResolvers<void>();
  const watchdog = createSagaWatchdog({
    sagas: {
      async takeOverdue({ limit }) {
        if (overdue.length <= limit) rested.resolve();
        return overdue.splice(0, limit);
      },
    },
    async drive(saga) {
      driven.push(saga);
      // That one cannot be driven keeps nobody from the others.
      if (driven.length % 7 === 0) throw new Error('no');
    },
    clock: () => new Date(),
    // Longer than the test may take.
    intervalMs: 3_600_000,
    logger: createLogger({ service: 'test', level: 'silent' }),
  });
  watchdog.start();
  await rested.promise;
  await watchdog.stop();
  expect(driven).toHaveLength(1_234);
});

test('it complains of sagas that did not go on, and not of customers who did not pay', async () => {
  const overdue = [sagaIn('awaiting_payment'), sagaIn('reserved'), sagaIn('completed')];
  const complaints: unknown[] = [];
  const driven = Promise.withResolvers<void>();
  const watchdog = createSagaWatchdog({
    sagas: { takeOverdue: async ({ limit }) => overdue.splice(0, limit) },
    async drive({ state }) {
      if (state === 'completed') driven.resolve();
    },
    clock: () => new Date(),
    intervalMs: 3_600_000,
    logger: pino({ level: 'warn' }, { write: (line) => complaints.push(JSON.parse(line).state) }),
  });
  watchdog.start();
  await driven.promise;
  await watchdog.stop();
  expect(complaints).toEqual(['reserved', 'completed']);
});
