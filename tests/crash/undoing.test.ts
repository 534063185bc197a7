import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { queues } from '#shared/contracts/topology.ts';
import type { FailpointName } from '#shared/kernel/failpoints.ts';
import {
  createProcessorAlone,
  messagesAbout,
  type ProcessorAlone,
} from '../integration/support/processor-alone.ts';
import { eventually } from '../support/eventually.ts';
import { magicAmounts } from '../support/load.ts';
import { undoingPlaces } from './survival.ts';

let processor: ProcessorAlone;

beforeAll(async () => {
  // The watchdog takes over after a second, where the message is gone.
  processor = await createProcessorAlone({ SAGA_DEADLINE_MS: '1000', PAYMENT_TIMEOUT_MS: '5000' });
});
afterAll(() => processor?.system.dispose());

/** Lets the processor die at the failpoint while it does what `provoke` asks for, and starts it again. */
async function dieAndComeBack(
  failpoint: FailpointName,
  provoke: () => Promise<void>,
  whileDead: () => Promise<void>,
): Promise<void> {
  const { system } = processor;
  await system.stop('processor');
  const armed = await system.startArmed('processor', failpoint);
  await provoke();
  const death = await Promise.race([armed.exited, delay(20_000, 'still alive', { ref: false })]);
  expect(death).toEqual({ code: null, signal: 'SIGKILL' });
  await whileDead();
  await system.start('processor');
}

const nothing = async (): Promise<void> => {};
/** The broker gives the messages back when it sees that the connection is gone; then they are lost. */
const loseMessages = async (): Promise<void> => {
  for (const queue of [queues.orderCreated, queues.orderRequests]) {
    await eventually(async () => (await processor.system.broker.count(queue)) > 0);
    await processor.system.broker.drain(queue);
  }
};
const loseRequests = async (): Promise<void> => {
  await eventually(async () => (await processor.system.broker.drain(queues.orderRequests)).length > 0);
};
const tenOnHand = { onHand: 10, reserved: 0, shipped: 0 };

describe.each(undoingPlaces.compensation)('kill -9 inside a compensation, %s', (failpoint) => {
  test.each([
    ['goes on when the message comes again', nothing],
    ['goes on by the watchdog when no message comes again', loseMessages],
  ])('%s: the money is given back once, the stock once released', async (_what, whileDead) => {
    const sku = await processor.stocked(10);
    const amount = magicAmounts.neverAnswersAfterCharging;
    const order = messagesAbout({ sku, amountMinor: amount });
    const provoke = async (): Promise<void> => {
      await processor.publish(order.created());
      await eventually(async () => (await processor.sandbox.movements(order.orderId)).length === 1);
      await processor.publish(order.cancelRequested());
    };
    await dieAndComeBack(failpoint, provoke, whileDead);
    await processor.becomes(order.orderId, 'cancelled');
    expect(await processor.sandbox.movements(order.orderId)).toEqual([
      `captured ${amount}`,
      `refunded ${amount}`,
      'cancelled 0',
    ]);
    expect(await processor.typesAbout(order.orderId)).toEqual(['reserved', 'cancelled']);
    expect(await processor.stockOf(sku)).toEqual(tenOnHand);
    expect(await processor.reservationsOf(order.orderId)).toEqual(['released']);
  });
});

describe.each(undoingPlaces.refund)('kill -9 inside a refund, %s', (failpoint) => {
  test.each([
    ['goes on when the message comes again', nothing],
    ['goes on by the watchdog when no message comes again', loseRequests],
  ])('%s: the money goes back once, the stock is back on the shelf', async (_what, whileDead) => {
    const sku = await processor.stocked(10);
    const order = messagesAbout({ sku, quantity: 2, amountMinor: 500 });
    await processor.publish(order.created());
    await processor.becomes(order.orderId, 'completed');
    await dieAndComeBack(failpoint, () => processor.publish(order.refundRequested()), whileDead);
    await processor.becomes(order.orderId, 'refunded');
    expect(await processor.sandbox.movements(order.orderId)).toEqual(['captured 1000', 'refunded 1000']);
    expect(await processor.typesAbout(order.orderId)).toEqual(['reserved', 'paid', 'processed', 'refunded']);
    expect(await processor.stockOf(sku)).toEqual(tenOnHand);
    expect(await processor.reservationsOf(order.orderId)).toEqual(['returned']);
  });
});
