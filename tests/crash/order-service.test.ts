import { describe, expect, test } from '@jest/globals';
import { expectSurvival, places } from './survival.ts';

describe('nothing is lost or done twice when kill -9 hits the order-service', () => {
  test.each(places.order)('at %s', async (failpoint) => {
    expect.hasAssertions();
    await expectSurvival('order', failpoint);
  });
});
