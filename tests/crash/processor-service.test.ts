import { describe, expect, test } from '@jest/globals';
import { failpointNames } from '#shared/kernel/failpoints.ts';
import { expectSurvival, places } from './survival.ts';

describe('nothing is lost or done twice when kill -9 hits the processor-service', () => {
  test.each(places.processor)('at %s', async (failpoint) => {
    expect.hasAssertions();
    await expectSurvival('processor', failpoint);
  });
});

test('every failpoint is a place where some service dies in these tests', () => {
  expect(new Set([...places.order, ...places.processor])).toEqual(new Set(failpointNames));
});
