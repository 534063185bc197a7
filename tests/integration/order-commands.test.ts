import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type ChangeOrder, createChangeOrder } from '#order-service/application/change-order.ts';
import { type OrderChanges, recordedEvent } from '#order-service/application/ports/order-repository.ts';
import { type Order, refundableMinorOf } from '#order-service/domain/order.ts';
import type { OrderCommand } from '#order-service/domain/order-commands.ts';
import { begin, evolve, type OrderEvent } from '#order-service/domain/order-events.ts';
import { anonymous } from '#shared/auth/caller.ts';
import type { AppError } from '#shared/kernel/errors.ts';
import { noFailpoints } from '#shared/kernel/failpoints.ts';
import { newId } from '#shared/kernel/ids.ts';
import { newTraceparent } from '#shared/observability/trace-context.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { type OpenOrderRepository, openOrderRepository, placementOf } from './support/orders.ts';

const paidMinor = 3_998;
const cause = { correlationId: newId(), traceparent: newTraceparent() };

let database: TestDatabase;
let replicas: OpenOrderRepository[];

beforeAll(async () => {
  database = await createTestDatabase('order');
  replicas = [openOrderRepository(database.url), openOrderRepository(database.url)];
});
afterAll(async () => {
  await Promise.all(replicas.map((replica) => replica.close()));
  await database.drop();
});

function changeOrderOn(
  { orders, runOnce }: OpenOrderRepository,
  announce: () => void = () => {},
): ChangeOrder {
  return createChangeOrder({ orders, runOnce, clock: () => new Date(), failpoint: noFailpoints, announce });
}

/** Sends a command through one replica or the other. */
function send(
  orderId: string,
  command: OrderCommand,
  through = 0,
  isExpected: (version: number) => boolean = () => true,
) {
  const replica = replicas[through % replicas.length] as OpenOrderRepository;
  return changeOrderOn(replica)({ orderId, command, caller: anonymous, cause, isExpected });
}

const refund = (amountMinor?: number, refundId = newId()): OrderCommand => ({
  type: 'refund',
  refundId,
  amountMinor,
  reason: '',
});

/** An order to which these events happened after it was placed. */
async function placeWith(...events: readonly OrderEvent[]): Promise<string> {
  const { orders } = replicas[0] as OpenOrderRepository;
  const placement = placementOf();
  await orders.place(placement);
  const { id } = placement.order;
  await orders.change([id], (found): OrderChanges<void> => {
    let order = found.get(id)!;
    const history = events.map((event) => {
      const at = new Date();
      order = evolve(order, event, at);
      return recordedEvent(order, event, { actor: 'test', ...cause });
    });
    return { orders: [order], history, received: [], result: undefined };
  });
  return id;
}

const captured: readonly OrderEvent[] = [
  { type: 'reserved', data: { run: 0 } },
  { type: 'paid', data: { paymentId: 'pay_1', amountMinor: paidMinor } },
  { type: 'completed', data: {} },
];

type StoredEvent = OrderEvent & { readonly version: number; readonly occurred_at: Date };

async function storedAbout(orderId: string) {
  const history = await database.pool.query<StoredEvent>(
    'SELECT version, type, data, occurred_at FROM order_events WHERE order_id = $1 ORDER BY version',
    [orderId],
  );
  const outbox = await database.pool.query<{ sequence: number; type: string }>(
    'SELECT sequence, type FROM outbox WHERE order_id = $1 ORDER BY sequence',
    [orderId],
  );
  return { history: history.rows, outbox: outbox.rows };
}

/** One message for each of these events, and none for the others. */
const announcedAs: Readonly<Record<string, string>> = {
  cancellationRequested: 'order.cancel_requested.v1',
  refundRequested: 'order.refund_requested.v1',
};

/** The stored history is without gap, and what it folds to is what the row says. */
async function expectHistoryToFoldTo(order: Order): Promise<void> {
  const [placed, ...later] = (await storedAbout(order.id)).history;
  if (placed?.type !== 'placed') throw new Error('the history does not begin with the placement');
  expect([placed, ...later].map(({ version }) => version)).toEqual(upTo(order.version));
  const folded = later.reduce(
    (state, event) => evolve(state, event, event.occurred_at),
    begin(placed, placed.occurred_at),
  );
  // How far the processor was followed, and what was announced, is no part of the history.
  const { processingRun, processingSequence, eventSequence } = order;
  expect({ ...folded, processingRun, processingSequence, eventSequence }).toEqual(order);
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);

describe('sixty commands about one order at the same time', () => {
  test('take effect one after the other: no version, no message and no cent is lost or doubled', async () => {
    const id = await placeWith(...captured);
    const sent = await Promise.allSettled(
      Array.from({ length: 60 }, (_, index) =>
        send(id, index === 30 ? { type: 'fulfil' } : refund(100), index),
      ),
    );
    const order = (await replicas[0]!.orders.find(id))!;
    const refused = sent.flatMap((result) =>
      result.status === 'rejected' ? [result.reason as AppError] : [],
    );
    // 39 refunds of 100 fit into 3,998; the rest is told so, or that others were always faster.
    const accepted = order.refunds.length;
    expect(accepted).toBeLessThanOrEqual(39);
    expect(accepted).toBeGreaterThan(20);
    expect(refundableMinorOf(order)).toBe(paidMinor - accepted * 100);
    expect(['REFUND_TOO_LARGE', 'CONCURRENT_UPDATE']).toEqual(
      expect.arrayContaining([...new Set(refused.map(({ code }) => code))]),
    );
    await expectHistoryToFoldTo(order);
    const { history, outbox } = await storedAbout(id);
    expect(history.filter(({ type }) => type === 'refundRequested')).toHaveLength(accepted);
    expect(outbox.map(({ sequence }) => sequence)).toEqual(upTo(accepted + 1));
    expect(sent.filter(({ status }) => status === 'fulfilled')).toHaveLength(
      accepted + history.filter(({ type }) => type === 'fulfilled').length,
    );
  });

  test('that all ask for the same are one', async () => {
    const id = await placeWith();
    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, index) => send(id, { type: 'cancel', reason: 'late' }, index)),
    );
    expect(new Set(answers.map(({ order }) => order.version))).toEqual(new Set([2]));
    const { outbox } = await storedAbout(id);
    expect(outbox.map(({ type }) => type)).toEqual(['order.created.v1', 'order.cancel_requested.v1']);
  });

  test('do not disturb what the processor reports in between', async () => {
    const id = await placeWith();
    const { orders } = replicas[1]!;
    const report = (event: OrderEvent, sequence: number) =>
      orders.change([id], (found): OrderChanges<void> => {
        const at = new Date();
        const order = { ...evolve(found.get(id)!, event, at), processingSequence: sequence };
        const recorded = recordedEvent(order, event, { actor: 'test', ...cause });
        return { orders: [order], history: [recorded], received: [], result: undefined };
      });
    const reports = (async () => {
      for (const [index, event] of captured.entries()) await report(event, index + 1);
    })();
    // Refunds are refused until the payment is captured, the cancellation afterwards.
    const wishes = Array.from({ length: 30 }, (_, index) =>
      send(id, index % 3 === 0 ? { type: 'cancel', reason: '' } : refund(100), index),
    );
    const [reported] = await Promise.allSettled([reports, ...wishes]);
    expect(reported.status).toBe('fulfilled');
    await send(id, refund(100));
    const order = (await orders.find(id))!;
    expect(order).toMatchObject({ status: 'completed', processingSequence: 3, paidMinor });
    await expectHistoryToFoldTo(order);
    const { history, outbox } = await storedAbout(id);
    expect(outbox.map(({ sequence }) => sequence)).toEqual(upTo(order.eventSequence));
    expect(outbox.map(({ type }) => type).slice(1)).toEqual(
      history.flatMap(({ type }) => announcedAs[type] ?? []),
    );
  });
});

describe('a command', () => {
  test('whose caller expects another version changes nothing', async () => {
    const id = await placeWith();
    const late = send(id, { type: 'cancel', reason: '' }, 0, (version) => version === 7);
    await expect(late).rejects.toMatchObject({ code: 'PRECONDITION_FAILED' });
    expect((await storedAbout(id)).outbox).toHaveLength(1);
  });

  test('about an order that does not exist says so', async () => {
    await expect(send(newId(), { type: 'pay' })).rejects.toMatchObject({ code: 'ORDER_NOT_FOUND' });
  });

  test('wakes the relay when there is something to publish, and only then', async () => {
    let wakes = 0;
    const change = changeOrderOn(replicas[0]!, () => (wakes += 1));
    const orderId = await placeWith(...captured);
    const isExpected = (): boolean => true;
    await change({ orderId, command: { type: 'fulfil' }, caller: anonymous, cause, isExpected });
    expect(wakes).toBe(0);
    await change({ orderId, command: refund(), caller: anonymous, cause, isExpected });
    await change({ orderId, command: refund(), caller: anonymous, cause, isExpected });
    expect(wakes).toBe(1);
  });
});
