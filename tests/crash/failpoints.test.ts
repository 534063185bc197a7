import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type FailpointName, failpointNames } from '#shared/kernel/failpoints.ts';
import { checkInvariants } from '../support/invariants.ts';
import { endsOf, mixedWishes, placeAll } from '../support/load.ts';
import { settled } from '../support/settled.ts';
import { createTestSystem, type TestSystem } from '../support/system.ts';
import { type Witness, watch } from '../support/witness.ts';

type Victim = 'order' | 'processor';

/** Where each service can die. Everything the order-service consumes it takes account of at the first attempt. */
const places: readonly (readonly [victim: Victim, failpoint: FailpointName])[] = [
  ['order', 'place-order.after-commit'],
  ['order', 'relay.before-publish'],
  ['order', 'relay.after-publish'],
  ['order', 'relay.after-confirm'],
  ['order', 'consumer.before-ack'],
  ['processor', 'relay.before-publish'],
  ['processor', 'relay.after-publish'],
  ['processor', 'relay.after-confirm'],
  ['processor', 'saga.before-charge'],
  ['processor', 'saga.after-charge'],
  ['processor', 'saga.after-settle'],
  ['processor', 'consumer.before-ack'],
  ['processor', 'consumer.before-retry'],
  ['processor', 'consumer.before-park'],
];

let system: TestSystem;
let witness: Witness;

beforeEach(async () => {
  system = await createTestSystem({ settings: { PAYMENT_TIMEOUT_MS: '300' }, services: [] });
  witness = await watch(system);
});
afterEach(() => system?.dispose());

test('every failpoint is a place where some service dies in these tests', () => {
  expect(new Set(places.map(([, failpoint]) => failpoint))).toEqual(new Set(failpointNames));
});

describe('nothing is lost or done twice when kill -9 hits', () => {
  test.each(places)('the %s-service at %s', async (victim, failpoint) => {
    const survivor = victim === 'order' ? 'processor' : 'order';
    const [armed] = await Promise.all([
      system.startArmed(victim, failpoint),
      system.start(survivor),
      system.start('sandbox'),
    ]);
    const [before, meanwhile] = [mixedWishes(20), mixedWishes(10)];

    const early = await placeAll(witness, before);
    const death = await Promise.race([armed.exited, delay(20_000, 'still alive', { ref: false })]);
    expect(death).toEqual({ code: null, signal: 'SIGKILL' });
    const [late] = await Promise.all([placeAll(witness, meanwhile, { pauseMs: 50 }), system.start(victim)]);
    await settled(system);

    expect(await checkInvariants(system, witness)).toEqual([]);
    const answers = [...early, ...late];
    const wanted = [...before, ...meanwhile];
    expect(await endsOf(system, answers)).toEqual(
      wanted.map(({ end }, index) => (answers[index]?.outcome === 'accepted' ? end : undefined)),
    );
  });
});
