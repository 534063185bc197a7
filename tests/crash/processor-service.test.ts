import { describe, expect, test } from '@jest/globals';
import { failpointNames } from '#shared/kernel/failpoints.ts';
import { commandPlaces, expectSurvival, places, undoingPlaces, webhookPlace } from './survival.ts';

describe('nothing is lost or done twice when kill -9 hits the processor-service', () => {
  test.each(places.processor)('at %s', async (failpoint) => {
    expect.hasAssertions();
    await expectSurvival('processor', failpoint);
  });
});

test('every failpoint of a service is a place where it dies in these tests', () => {
  const ofServices = failpointNames.filter((name) => !name.startsWith('desk.'));
  const tested = [
    ...places.order,
    ...commandPlaces,
    ...places.processor,
    ...undoingPlaces.refund,
    webhookPlace,
  ];
  expect(new Set(tested)).toEqual(new Set(ofServices));
});
