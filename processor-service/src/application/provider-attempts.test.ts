import { describe, expect, test } from '@jest/globals';
import { AppError, type ErrorKind } from '#shared/kernel/errors.ts';
import { someTime as now, sagaIn } from '../domain/testing/sagas.ts';
import { createAttempts } from './provider-attempts.ts';

const attempt = createAttempts({
  clock: () => now,
  backoff: { initialMs: 1_000, maximumMs: 8_000 },
  limit: 3,
});
const failing = (kind: ErrorKind) => async (): Promise<void> => {
  throw new AppError({ code: 'PAYMENT_UNAVAILABLE', kind, message: 'away' });
};
const trouble = { code: 'PAYMENT_UNAVAILABLE', message: 'away', at: now.toISOString() };

describe('an attempt', () => {
  test('that works is done', async () => {
    expect(await attempt(sagaIn('compensating'), async () => 7)).toEqual({ outcome: 'done', result: 7 });
  });

  test('that fails is repeated, later every time', async () => {
    const waits: number[] = [];
    for (const attempts of [0, 1]) {
      const outcome = await attempt(sagaIn('compensating', { attempts, run: 2 }), failing('transient'));
      expect(outcome).toMatchObject({
        outcome: 'failed',
        event: { type: 'attemptFailed', run: 2, trouble, counts: true },
      });
      if (outcome.outcome === 'failed') waits.push(outcome.event.retryAt.getTime() - now.getTime());
    }
    // With jitter over the upper half.
    expect(waits[0]).toBeGreaterThanOrEqual(500);
    expect(waits[0]).toBeLessThanOrEqual(1_000);
    expect(waits[1]).toBeGreaterThanOrEqual(1_000);
    expect(waits[1]).toBeLessThanOrEqual(2_000);
  });

  test('that was one too many, or refused for good, is hopeless', async () => {
    const last = sagaIn('compensating', { attempts: 2 });
    expect(await attempt(last, failing('transient'))).toMatchObject({ outcome: 'hopeless', trouble });
    const first = sagaIn('compensating');
    expect(await attempt(first, failing('permanent'))).toMatchObject({ outcome: 'hopeless', trouble });
  });

  test('that was not made because the provider is away does not count, however often', async () => {
    const last = sagaIn('compensating', { attempts: 2 });
    expect(await attempt(last, failing('unavailable'))).toMatchObject({
      outcome: 'failed',
      event: { counts: false },
    });
  });
});
