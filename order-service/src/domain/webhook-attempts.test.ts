import { describe, expect, test } from '@jest/globals';
import { judge, retryDelaysMs } from './webhook-attempts.ts';

const [second, minute, hour] = [1_000, 60_000, 3_600_000];
const judgeFailure = (attempts: number, random = 0) => judge({ statusCode: 500 }, attempts, random);

describe('an attempt', () => {
  test.each([200, 201, 202, 204, 299])('that is answered with %i has delivered', (statusCode) => {
    expect(judge({ statusCode }, 1, 0)).toEqual({ status: 'delivered' });
    expect(judge({ statusCode }, 10, 0)).toEqual({ status: 'delivered' });
  });

  test.each([199, 300, 301, 302, 307, 308, 400, 401, 404, 409, 422, 429, 500, 503, undefined])(
    'that is answered with %p is repeated',
    (statusCode) => {
      expect(judge({ statusCode }, 1, 0)).toEqual({ status: 'pending', delayMs: 5 * second });
    },
  );

  test('that is answered with 410 is the last one', () => {
    expect(judge({ statusCode: 410 }, 1, 0)).toEqual({ status: 'failed', isGone: true });
  });

  test('is followed by nine others within about three days, and then by none', () => {
    const waits = Array.from({ length: 9 }, (_, index) => judgeFailure(index + 1));
    expect(waits).toEqual(
      [5 * second, 5 * minute, 30 * minute, ...[2, 5, 10, 14, 20, 24].map((hours) => hours * hour)].map(
        (delayMs) => ({ status: 'pending', delayMs }),
      ),
    );
    expect(judgeFailure(10)).toEqual({ status: 'failed', isGone: false });
  });

  test('is repeated up to a fifth later, so that not all come back at once', () => {
    expect(judgeFailure(2, 0.5)).toEqual({ status: 'pending', delayMs: 5.5 * minute });
    for (const [index, delay] of retryDelaysMs.entries()) {
      expect(judgeFailure(index + 1, 0.999)).toMatchObject({ delayMs: expect.closeTo(delay * 1.1998) });
    }
  });

  test.each([429, 503])(
    'that is answered with %i is repeated as late as asked, within a day',
    (statusCode) => {
      const delayAfter = (retryAfterMs: number) => judge({ statusCode, retryAfterMs }, 1, 0);
      expect(delayAfter(minute)).toEqual({ status: 'pending', delayMs: minute });
      expect(delayAfter(second)).toEqual({ status: 'pending', delayMs: 5 * second });
      expect(delayAfter(1_000 * hour)).toEqual({ status: 'pending', delayMs: 24 * hour });
    },
  );

  test('that is answered with another error is repeated as always', () => {
    expect(judge({ statusCode: 500, retryAfterMs: hour }, 1, 0)).toMatchObject({ delayMs: 5 * second });
  });
});
