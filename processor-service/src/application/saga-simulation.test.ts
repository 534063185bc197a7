import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { OrderMessage } from '#shared/contracts/order-events.ts';
import {
  isRecoverable,
  refundedMinorOf,
  refundKeyOf,
  type Saga,
  type SagaState,
  stuckRefundsOf,
} from '../domain/saga.ts';
import { sagaSteps } from '../domain/saga-steps.ts';
import type { CallFate } from './testing/simulated-provider.ts';
import { hasEnded, type Message, SimulatedWorld, settle } from './testing/simulated-world.ts';

const runs = 10_000;
const totalMinor = 100;
/** Not enough for every pair of orders. */
const pieces = 3;
const openingStock = [{ sku: 'A', onHand: pieces, reserved: 0, shipped: 0 }];
const holdingStock = new Set<SagaState>(['awaiting_payment', 'reserved', 'compensating', 'needs_attention']);

/** What customers do, and whether the provider likes them. */
interface Wishes {
  readonly payment: 'automatic' | 'manual';
  readonly pays: boolean;
  readonly cancels: boolean;
  /** Amounts; together they may be more than was paid. */
  readonly refunds: readonly number[];
  readonly quantity: number;
  readonly isDeclined: boolean;
}

const wishes: fc.Arbitrary<Wishes> = fc.record({
  payment: fc.constantFrom('automatic', 'automatic', 'manual'),
  pays: fc.boolean(),
  cancels: fc.boolean(),
  refunds: fc.array(fc.constantFrom(30, 40, 100), { maxLength: 3 }),
  quantity: fc.integer({ min: 1, max: 2 }),
  isDeclined: fc.integer({ min: 0, max: 5 }).map((n) => n === 0),
});

const orderIdOf = (index: number): string => `01a1fbf4-b78c-76fb-8985-00000000000${index}`;
const refundIdOf = (order: number, index: number): string =>
  `01a1fbf4-b78c-76fb-8985-1000000000${order}${index}`;

function messagesOf(wish: Wishes, index: number): Message[] {
  const orderId = orderIdOf(index);
  const { payment, quantity } = wish;
  const items = [{ sku: 'A', quantity }];
  const order = { orderId, customerId: 'c', currency: 'EUR', totalMinor, payment, items };
  const cause = { messageId: orderId, correlationId: 'c', traceparent: 't' };
  const request = { ...cause, order, run: 0, paymentRequested: false };
  return [
    { kind: 'process', request },
    ...(payment === 'manual' && wish.pays
      ? [{ kind: 'process' as const, request: { ...request, paymentRequested: true } }]
      : []),
    ...(wish.cancels ? [{ kind: 'cancel' as const, request }] : []),
    ...wish.refunds.map((amountMinor, nth): Message => {
      const refund = { id: refundIdOf(index, nth), amountMinor, reason: 'r', currency: 'EUR' };
      return { kind: 'refund', request: { ...refund, ...cause, orderId } };
    }),
  ];
}

const fates: readonly CallFate[] = [
  'fine',
  'fine',
  'fine',
  'fine',
  'done and slow to answer',
  'done and slow to answer',
  'lost on the way',
  'done and the answer lost',
  'late',
  'not sent',
  'unreachable',
  'refused',
];

function orderOf(message: Message): string {
  return message.kind === 'refund' ? message.request.orderId : message.request.order.orderId;
}

/** One move of the world, drawn by a number. */
async function move(world: SimulatedWorld, messages: readonly Message[], drawn: number): Promise<void> {
  const [kind, which, fate] = [drawn % 24, drawn >>> 5, drawn >>> 13];
  const oneOf = (list: readonly unknown[]): number => which % list.length;
  if (kind < 5 && world.queue.length > 0) world.deliver(oneOf(world.queue));
  else if (kind === 5) world.look((which % 8) * 20_000);
  else if (kind === 6 && world.provider.late.length > 0) world.provider.late.shift()?.();
  else if (kind === 7 && messages.length > 0) world.duplicate(messages[oneOf(messages)] as Message);
  else if (kind === 8 && world.parked.length > 0) {
    world.crash((world.parked[oneOf(world.parked)] as (typeof world.parked)[number]).driver);
  } else if (kind === 9 && world.dead.length > 0) world.replay(oneOf(world.dead));
  else if (kind <= 11) await world.resume(orderIdOf(which % 2));
  else if (world.parked.length > 0)
    world.proceed(oneOf(world.parked), fates[fate % fates.length] as CallFate);
  else if (world.queue.length > 0) world.deliver(oneOf(world.queue));
  else world.look(200_000);
  await settle();
}

/** From now on everything works: until nothing is under way, or for so long that something is wrong. */
async function comeToRest(world: SimulatedWorld): Promise<void> {
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

/** The operator resumes what waits for a person, and sends back what rests. */
async function tidyUp(world: SimulatedWorld): Promise<void> {
  for (let round = 0; round < 5; round += 1) {
    for (const orderId of world.sagas.all.keys()) await world.resume(orderId);
    await comeToRest(world);
    while (world.dead.length > 0) world.replay(0);
    await comeToRest(world);
  }
}

/** What must hold at every moment. Plain comparisons: this runs half a million times. */
function expectSound({ sagas, provider, unforeseen }: SimulatedWorld): void {
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

function expectMoneyRight({ provider }: SimulatedWorld, saga: Saga): void {
  const { orderId } = saga.order;
  const due = saga.state === 'completed' ? totalMinor - refundedMinorOf(saga) : 0;
  expect([saga.state, provider.heldMinor(orderId)]).toEqual([saga.state, due]);
  expect(provider.captures(orderId)).toBeLessThanOrEqual(saga.run + 1);
  for (const { id, state, amountMinor } of saga.refunds) {
    expect(provider.refundedBy(refundKeyOf(saga, id))).toBe(state === 'refunded' ? amountMinor : 0);
  }
}

/** What the order-service was told about an order: complete, in sequence, and each thing once. */
function expectToldRight(world: SimulatedWorld, saga: Saga, wish: Wishes): void {
  const about = world.sagas.announced.filter(({ subject }) => subject === saga.order.orderId);
  const told = about.filter(({ type }) => type !== 'order.operator_acted.v1');
  expect(told.map(({ sequence }) => sequence)).toEqual(told.map((_, index) => index + 1));
  const count = (...types: readonly OrderMessage['type'][]) =>
    told.filter(({ type }) => types.includes(type)).length;
  expect(count('order.cancelled.v1', 'order.cancel_rejected.v1')).toBe(wish.cancels ? 1 : 0);
  expect(count('order.cancelled.v1')).toBe(saga.state === 'cancelled' ? 1 : 0);
  expect(count('order.paid.v1')).toBe(['completed', 'refunded'].includes(saga.state) ? 1 : 0);
  expect(count('order.processed.v1')).toBeLessThanOrEqual(saga.run + 1);
  expect(count('order.refunded.v1')).toBe(saga.refunds.filter(({ state }) => state === 'refunded').length);
  expect(count('order.refund_rejected.v1')).toBe(
    saga.refunds.filter(({ state }) => state === 'rejected').length,
  );
}

/** Every change of state that the table allows; `started` is passed within a transaction. */
const movesOfTheTable = new Set(
  sagaSteps
    .filter((step) => step.next !== step.in && step.next !== 'started')
    .flatMap((step) => (step.in === 'started' ? [`nothing → ${step.next}`] : [`${step.in} → ${step.next}`])),
);
/** Everything that can be told to the order-service. */
const told: readonly OrderMessage['type'][] = [
  'order.reserved.v1',
  'order.paid.v1',
  'order.processed.v1',
  'order.cancelled.v1',
  'order.cancel_rejected.v1',
  'order.refunded.v1',
  'order.refund_rejected.v1',
  'order.operator_acted.v1',
];

const plain: Wishes = {
  payment: 'automatic',
  pays: false,
  cancels: false,
  refunds: [],
  quantity: 1,
  isDeclined: false,
};

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

describe('any number of drivers, in any order, with a provider that fails in every way and crashes everywhere', () => {
  test('leave money and stock right, end every saga or call for a person, and tell everything once', async () => {
    const seen = new Set<string>();
    const script = fc.record({
      customers: fc.tuple(wishes, wishes),
      moves: fc.array(fc.nat({ max: 2 ** 20 - 1 }), { minLength: 10, maxLength: 60 }),
    });
    await fc.assert(
      fc.asyncProperty(script, async ({ customers, moves }) => {
        const messages = customers.flatMap(messagesOf);
        const isDeclined = (orderId: string): boolean =>
          customers.some((wish, index) => wish.isDeclined && orderIdOf(index) === orderId);
        const world = new SimulatedWorld(messages, openingStock, isDeclined);
        for (const drawn of moves) {
          await move(world, messages, drawn);
          expectSound(world);
        }

        await comeToRest(world);
        expectSound(world);
        for (const saga of world.sagas.all.values()) {
          if (hasEnded(saga)) expectMoneyRight(world, saga);
          // Unless an operator drove it, whose runs have no message.
          const { orderId } = saga.order;
          const letters = world.dead.filter(({ message }) => orderOf(message) === orderId);
          if (isRecoverable(saga) && world.sagas.audited() === 0) expect(letters).not.toEqual([]);
        }

        await tidyUp(world);
        expectSound(world);
        expect(world.dead).toEqual([]);
        expect(world.sagas.all.size).toBe(customers.length);
        customers.forEach((wish, index) => {
          const saga = world.sagas.all.get(orderIdOf(index)) as Saga;
          expect([saga.state, hasEnded(saga)]).toEqual([saga.state, true]);
          expectMoneyRight(world, saga);
          expectToldRight(world, saga, wish);
        });

        for (const step of world.sagas.moves) seen.add(step);
        for (const { type } of world.sagas.announced) seen.add(type);
        const before = [new Map(world.sagas.all), world.sagas.announced.length, world.provider.movements()];
        for (const message of messages) world.duplicate(message);
        await comeToRest(world);
        expect([world.sagas.all, world.sagas.announced.length, world.provider.movements()]).toEqual(before);
      }),
      { numRuns: runs },
    );
    // A simulation that never gets there proves nothing.
    expect([...movesOfTheTable].filter((step) => !seen.has(step))).toEqual([]);
    expect(told.filter((type) => !seen.has(type))).toEqual([]);
  });
});
