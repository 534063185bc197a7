import { beforeEach, describe, expect, test } from '@jest/globals';
import type { Saga } from '../domain/saga.ts';
import { messagesOf, openingStock, orderIdOf, plain } from './testing/simulated-customers.ts';
import type { CallFate } from './testing/simulated-provider.ts';
import { type Message, SimulatedWorld, settle } from './testing/simulated-world.ts';
import { comeToRest, expectMoneyRight, expectSound } from './testing/simulation-checks.ts';

test('an order without trouble takes a transaction, one call of the provider, and another transaction', async () => {
  const world = new SimulatedWorld(messagesOf(plain, 0), openingStock, () => false);
  world.deliver(0);
  await settle();
  const waits: boolean[] = [];
  while (world.parked.length > 0) {
    waits.push(world.parked[0]?.isCall === true);
    world.proceed(0, 'fine');
    await settle();
  }
  expect(waits).toEqual([false, true, false]);
  expect(world.sagas.all.get(orderIdOf(0))?.state).toBe('completed');
});

test('a compensation that was under way counts although another driver has called for a person', async () => {
  const [message] = messagesOf(plain, 0) as [Message];
  const world = new SimulatedWorld([message, message], openingStock, () => false);
  const proceed = async (which: number, ...steps: readonly CallFate[]): Promise<void> => {
    for (const fate of steps) {
      world.proceed(which, fate);
      await settle();
    }
  };
  world.deliver(0);
  await settle();
  await proceed(0, 'fine', 'refused', 'fine', 'fine', 'done and slow to answer');
  world.deliver(0);
  await settle();
  await proceed(1, 'fine', 'fine', 'refused', 'fine');
  expect(world.sagas.all.get(orderIdOf(0))?.state).toBe('needs_attention');

  await proceed(0, 'fine', 'fine');
  expect(world.sagas.all.get(orderIdOf(0))).toMatchObject({
    state: 'failed',
    failure: { recoverable: true },
  });
  expectSound(world);
});

describe('the next replay', () => {
  const orderId = orderIdOf(0);
  let world: SimulatedWorld;
  const proceed = async (...steps: readonly CallFate[]): Promise<void> => {
    await settle();
    for (const fate of steps) {
      world.proceed(0, fate);
      await settle();
    }
  };

  beforeEach(async () => {
    world = new SimulatedWorld(messagesOf(plain, 0), openingStock, () => false);
    world.deliver(0);
    await proceed('fine', 'refused', 'fine', 'fine', 'fine', 'fine');
    expect(world.sagas.all.get(orderId)).toMatchObject({ state: 'failed', run: 0 });
    expect(world.dead).toHaveLength(1);
  });

  test('begins a run, however often an operator resumed the saga before', async () => {
    for (const run of [1, 2]) {
      expect(await world.resume(orderId)).toBe(true);
      world.look(1);
      await proceed('fine', 'fine', 'refused', 'fine', 'fine', 'fine', 'fine');
      expect(world.sagas.all.get(orderId)).toMatchObject({ state: 'failed', run, replays: 0 });
    }
    world.replay(0);
    await comeToRest(world);
    expect(world.sagas.all.get(orderId)).toMatchObject({ state: 'completed', run: 3, replays: 1 });
    expectMoneyRight(world, world.sagas.all.get(orderId) as Saga);
  });

  test('is not undone by an earlier copy that is given up during it', async () => {
    world.duplicate(world.dead[0]?.message as Message);
    world.replay(0);
    world.deliver(1);
    await proceed('fine');
    expect(world.sagas.all.get(orderId)).toMatchObject({ state: 'reserved', run: 1 });
    // The copy asks the provider too, and is refused.
    world.deliver(0);
    await settle();
    for (const fate of ['fine', 'fine', 'refused', 'fine', 'fine'] as const) {
      world.proceed(1, fate);
      await settle();
    }
    expect(world.sagas.all.get(orderId)).toMatchObject({ state: 'reserved', run: 1 });
    expect(world.queue).toHaveLength(1);
    await comeToRest(world);
    expect(world.sagas.all.get(orderId)).toMatchObject({ state: 'completed', run: 1 });
    expectSound(world);
  });
});

test('a driver that slept through the end of its run does not take the old charge for the new one', async () => {
  const [message] = messagesOf(plain, 0) as [Message];
  const world = new SimulatedWorld([message], openingStock, () => false);
  const sleeper = async (): Promise<void> => {
    world.deliver(0);
    await settle();
    for (const fate of ['fine', 'done and slow to answer'] as const) {
      world.proceed(0, fate);
      await settle();
    }
  };
  await sleeper();
  expect(world.provider.captures(orderIdOf(0))).toBe(1);

  // A copy of its message is refused, and the saga given up and undone behind its back.
  world.duplicate(message);
  world.deliver(0);
  await settle();
  for (const fate of ['fine', 'refused', 'fine', 'fine', 'fine', 'fine'] as const) {
    world.proceed(1, fate);
    await settle();
  }
  expect(world.sagas.all.get(orderIdOf(0))?.state).toBe('failed');
  expect(await world.resume(orderIdOf(0))).toBe(true);
  await comeToRest(world);

  const saga = world.sagas.all.get(orderIdOf(0)) as Saga;
  expect(saga).toMatchObject({ state: 'completed', run: 1 });
  expectMoneyRight(world, saga);
});
