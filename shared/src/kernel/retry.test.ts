import { describe, expect, test } from '@jest/globals';
import { retry } from './retry.ts';

const passing = new Error('passing');

/** Fails as often as told, then answers how often it was asked. */
function failing(times: number, error = passing) {
  let calls = 0;
  return async (): Promise<number> => {
    calls += 1;
    if (calls <= times) throw error;
    return calls;
  };
}

const options = {
  attempts: 3,
  backoff: { initialMs: 1, maximumMs: 2 },
  isPassing: (error: unknown) => error === passing,
};

describe('retrying', () => {
  test('goes on until it works', async () => {
    expect(await retry(failing(2), options)).toBe(3);
  });

  test('ends with the last error when the attempts are used up', async () => {
    await expect(retry(failing(3), options)).rejects.toBe(passing);
  });

  test('does not repeat what will not pass', async () => {
    const lasting = new Error('lasting');
    const work = failing(1, lasting);
    await expect(retry(work, options)).rejects.toBe(lasting);
    expect(await work()).toBe(2);
  });
});
