import { randomUUID } from 'node:crypto';
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type OrderServiceClient, OrderStatus } from '#order-service/grpc/protobuf/oms/v1/order_service.ts';
import { customerOf } from '../support/customer.ts';
import { openEvents } from '../support/event-stream.ts';
import { eventually } from '../support/eventually.ts';
import { connectOrders, watchOrder } from '../support/grpc-client.ts';
import { magicAmounts } from '../support/load.ts';
import { createTestSystem, type TestSystem } from '../support/system.ts';

const maxWatchers = 5;

let system: TestSystem;
let client: OrderServiceClient;

beforeAll(async () => {
  system = await createTestSystem({ settings: { MAX_ORDER_WATCHERS: String(maxWatchers) } });
  client = connectOrders(system.grpcAddress);
});
afterAll(async () => {
  client?.close();
  await system?.dispose();
});

const customer = () => customerOf(system.urls.order);

describe('watching an order over gRPC', () => {
  test('tells what the REST API tells, while it happens, until nothing can follow', async () => {
    const id = await customer().place({}, 'manual');
    const watch = watchOrder(client, id);
    const overHttp = await openEvents(system.urls.order, id);
    await watch.until('reserved');
    await customer().pay(id);
    await watch.until('completed');
    await customer().refund(id);
    expect(await watch.end).toBe('complete');
    expect(await overHttp.end).toBe('complete');
    expect([...watch.seen(), 'end']).toEqual(overHttp.seen());
    expect(watch.events.map(({ status: brought }) => brought)).toEqual([
      OrderStatus.PENDING,
      OrderStatus.RESERVED,
      OrderStatus.UNSPECIFIED,
      OrderStatus.PAID,
      OrderStatus.COMPLETED,
      OrderStatus.UNSPECIFIED,
      OrderStatus.REFUNDED,
    ]);
    const [frames, events] = [overHttp.events, watch.events];
    expect(
      events.map(({ type, time, version, actor, correlationId, traceId, data }) => ({
        at: time?.toISOString(),
        kind: 'history',
        type,
        detail: { version, actor, correlationId, traceId, data },
      })),
    ).toEqual(frames.slice(0, -1).map(({ data }) => data));
  });

  test('goes on behind a version, and is over at once when nothing can follow', async () => {
    const id = await customer().place({ amountMinor: magicAmounts.declined });
    await customer().becomes(id, 'failed');
    const [some, none] = [1, 3].map((afterVersion) => watchOrder(client, id, { afterVersion }));
    expect([await some?.end, await none?.end]).toEqual(['complete', 'complete']);
    expect([some?.seen(), none?.seen()]).toEqual([['2 reserved', '3 failed'], []]);
  });

  test.each([
    ['an order that is not there', randomUUID(), 0, status.NOT_FOUND, 'ORDER_NOT_FOUND'],
    ['an id that is none', 'nonsense', 0, status.INVALID_ARGUMENT, 'VALIDATION_FAILED'],
    ['a version that is none', randomUUID(), -1, status.INVALID_ARGUMENT, 'VALIDATION_FAILED'],
  ])('is refused for %s', async (_what, id, afterVersion, code, reason) => {
    expect(await watchOrder(client, id, { afterVersion }).end).toMatchObject({ code, reason });
  });

  test('is refused for a version that the order has not reached', async () => {
    const id = await customer().place({}, 'manual');
    expect(await watchOrder(client, id, { afterVersion: 9 }).end).toMatchObject({
      code: status.OUT_OF_RANGE,
      reason: 'VERSION_NOT_REACHED',
    });
  });

  test('is for so many at a time, who make room when they leave or their time is up', async () => {
    const id = await customer().place({}, 'manual');
    const leaving = Array.from({ length: maxWatchers - 1 }, () => watchOrder(client, id));
    const late = watchOrder(client, id, { deadlineMs: 2_000 });
    await Promise.all([...leaving, late].map((watch) => watch.until('reserved')));
    expect(await watchOrder(client, id).end).toMatchObject({
      code: status.RESOURCE_EXHAUSTED,
      reason: 'TOO_MANY_WATCHERS',
    });
    for (const { stream } of leaving) stream.cancel();
    expect(await late.end).toMatchObject({ code: status.DEADLINE_EXCEEDED });
    const room = Array.from({ length: maxWatchers }, () =>
      eventually(async () => {
        const watch = watchOrder(client, id);
        await Promise.race([watch.until('reserved'), watch.end]);
        return watch.events.length > 0 && watch;
      }),
    );
    for (const watch of await Promise.all(room)) watch.stream.cancel();
  });
});

describe('no event is lost or repeated', () => {
  test.each([
    ['killed', () => system.kill('order')],
    ['stopped', () => system.stop('order')],
  ])('when the service is %s, and the caller goes on behind what it has', async (how, end) => {
    const replica = await system.startReplica('order');
    const id = await customerOf(replica.url).place({}, 'manual');
    const watch = watchOrder(client, id);
    await watch.until('reserved');
    await end();
    expect(await watch.end).toMatchObject({
      code: status.UNAVAILABLE,
      ...(how === 'stopped' ? { reason: 'SHUTTING_DOWN' } : {}),
    });
    // Meanwhile another process goes on with the order.
    await customerOf(replica.url).pay(id);
    await system.start('order');
    const resumed = watchOrder(client, id, { afterVersion: watch.events.at(-1)?.version ?? 0 });
    await resumed.until('completed');
    await customerOf(replica.url).fulfil(id);
    await resumed.until('fulfilled');
    expect([...watch.seen(), ...resumed.seen()]).toEqual([
      '1 placed',
      '2 reserved',
      '3 paymentRequested',
      '4 paid',
      '5 completed',
      '6 fulfilled',
    ]);
    resumed.stream.cancel();
    await resumed.end;
    await replica.kill();
  });
});
