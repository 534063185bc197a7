import { setTimeout as delay } from 'node:timers/promises';
import { expect } from '@jest/globals';
import type { FailpointName } from '#shared/kernel/failpoints.ts';
import { checkInvariants } from '../support/invariants.ts';
import { endsOf, mixedWishes, placeAll } from '../support/load.ts';
import { settled } from '../support/settled.ts';
import { createTestSystem, type TestSystem } from '../support/system.ts';
import { watch } from '../support/witness.ts';

export type Victim = 'order' | 'processor';

/** What was left half undone is taken up within the test's patience, not the service's. */
const impatience = { WATCHDOG_INTERVAL_MS: '500', COMPENSATION_RETRY_MS: '200' };

/** Where each service may die. What the order-service consumes, it takes account of at the first attempt. */
export const places: Readonly<Record<Victim, readonly FailpointName[]>> = {
  order: [
    'place-order.after-commit',
    'relay.before-publish',
    'relay.after-publish',
    'relay.after-confirm',
    'consumer.before-ack',
  ],
  processor: [
    'relay.before-publish',
    'relay.after-publish',
    'relay.after-confirm',
    'saga.before-charge',
    'saga.after-charge',
    'saga.after-settle',
    'saga.before-compensation',
    'saga.after-compensation',
    'consumer.before-ack',
    'consumer.before-retry',
    'consumer.before-park',
  ],
};

/** Where the processor may die while it undoes what was done, because a customer asked for that. */
export const undoingPlaces = {
  compensation: ['saga.before-compensation', 'saga.after-compensation'],
  refund: ['saga.before-refund', 'saga.after-refund'],
} as const satisfies Record<string, readonly FailpointName[]>;

/** Where the order-service may die after it accepted a command and before it said so. */
export const commandPlaces = ['change-order.after-commit'] as const satisfies readonly FailpointName[];

/** In which the order-service dies while it tells webhooks. */
export const webhookPlace = 'webhook.after-send' satisfies FailpointName;

/**
 * Lets a service die at the failpoint in the middle of a load, starts it again, and demands that nothing was lost or
 * done twice and that every order ended as if nothing had happened.
 */
export async function expectSurvival(victim: Victim, failpoint: FailpointName): Promise<void> {
  const system = await createTestSystem({
    settings: { PAYMENT_TIMEOUT_MS: '300', ...impatience },
    services: [],
  });
  try {
    await dieAndComeBack(system, victim, failpoint);
  } finally {
    await system.dispose();
  }
}

async function dieAndComeBack(system: TestSystem, victim: Victim, failpoint: FailpointName): Promise<void> {
  const witness = await watch(system);
  const [armed] = await Promise.all([
    system.startArmed(victim, failpoint),
    system.start(victim === 'order' ? 'processor' : 'order'),
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
  expect(await endsOf(system, answers)).toEqual(
    [...before, ...meanwhile].map(({ end }, index) =>
      answers[index]?.outcome === 'accepted' ? end : undefined,
    ),
  );
}
