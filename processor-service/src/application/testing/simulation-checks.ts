import { expect } from '@jest/globals';
import {
  refundedMinorOf,
  refundKeyOf,
  type Saga,
  type SagaState,
  stuckRefundsOf,
} from '../../domain/saga.ts';
import { pieces, totalMinor } from './simulated-customers.ts';
import { hasEnded, type SimulatedWorld, settle } from './simulated-world.ts';

const holdingStock = new Set<SagaState>(['awaiting_payment', 'reserved', 'compensating', 'needs_attention']);

/** From now on everything works: until nothing is under way, or for so long that something is wrong. */
export async function comeToRest(world: SimulatedWorld): Promise<void> {
  for (let moves = 0; moves < 500; moves += 1) {
    if (world.parked.length > 0) world.proceed(0, 'fine');
    else if (world.queue.length > 0) world.deliver(0);
    else if ([...world.sagas.all.values()].some(({ deadlineAt }) => deadlineAt)) world.look(600_000);
    else if (world.provider.late.length > 0) world.provider.late.shift()?.();
    else return;
    await settle();
  }
  throw new Error('it does not come to rest');
}

/** What must hold at every moment. Plain comparisons: this runs half a million times. */
export function expectSound({ sagas, provider, unforeseen }: SimulatedWorld): void {
  const flaws: unknown[] = [...sagas.refused, ...unforeseen, ...provider.overcharged];
  let [reserved, shipped] = [0, 0];
  for (const saga of sagas.all.values()) {
    const quantity = saga.order.items[0]?.quantity ?? 0;
    if (holdingStock.has(saga.state)) reserved += quantity;
    if (saga.state === 'completed') shipped += quantity;
    // Whatever is not at its end has somebody who looks after it.
    const needsPerson = saga.state === 'needs_attention' || stuckRefundsOf(saga).length > 0;
    if (!hasEnded(saga) && !needsPerson && saga.deadlineAt === null) flaws.push(saga);
  }
  const stock = sagas.stock.get('A');
  const right = stock?.reserved === reserved && stock.shipped === shipped;
  if (!right || stock.onHand !== pieces - reserved - shipped) flaws.push({ stock, reserved, shipped });
  if (flaws.length > 0) expect(flaws).toEqual([]);
}

/** What must hold of a saga that has ended. */
export function expectMoneyRight({ provider }: SimulatedWorld, saga: Saga): void {
  const { orderId } = saga.order;
  const due = saga.state === 'completed' ? totalMinor - refundedMinorOf(saga) : 0;
  expect([saga.state, provider.heldMinor(orderId)]).toEqual([saga.state, due]);
  expect(provider.captures(orderId)).toBeLessThanOrEqual(saga.run + 1);
  for (const { id, state, amountMinor } of saga.refunds) {
    expect(provider.refundedBy(refundKeyOf(saga, id))).toBe(state === 'refunded' ? amountMinor : 0);
  }
}
