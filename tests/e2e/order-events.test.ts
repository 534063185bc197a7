import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { customerOf } from '../support/customer.ts';
import { type EventStream, openEvents } from '../support/event-stream.ts';
import { eventually } from '../support/eventually.ts';
import { magicAmounts } from '../support/load.ts';
import { createTestSystem, type TestSystem } from '../support/system.ts';

let system: TestSystem;
let base: string;

beforeAll(async () => {
  system = await createTestSystem();
  base = system.urls.order;
});
afterAll(() => system?.dispose());

const untilCompleted = ['1 placed', '2 reserved', '3 paid', '4 completed'];
const eventsUrl = (id: string) => `${base}/orders/${id}/events`;

/** The history that the timeline tells, as the stream has to tell it. */
async function historyOf(id: string): Promise<readonly unknown[]> {
  const response = await fetch(`${base}/orders/${id}/timeline`);
  const { entries } = (await response.json()) as { entries: { kind: string }[] };
  return entries.filter(({ kind }) => kind === 'history');
}

describe('the events of an order', () => {
  test('come while it is processed, as the timeline has them, and go on until nothing can follow', async () => {
    const customer = customerOf(base);
    const id = await customer.place({}, 'manual');
    const stream = await openEvents(base, id);
    expect(stream.response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(stream.response.headers.get('cache-control')).toContain('no-store');
    await stream.until('reserved');
    await customer.pay(id);
    await stream.until('completed');
    // A completed order can still be refunded.
    await customer.refund(id);
    expect(await stream.end).toBe('complete');
    expect(stream.seen()).toEqual([
      '1 placed',
      '2 reserved',
      '3 paymentRequested',
      '4 paid',
      '5 completed',
      '6 refundRequested',
      '7 refunded',
      'end',
    ]);
    expect(stream.events.slice(0, -1).map(({ data }) => data)).toEqual(await historyOf(id));
  });

  test.each([
    ['cancelled', {}, async (id: string) => void (await customerOf(base).cancel(id))],
    ['failed', { amountMinor: magicAmounts.declined }, async () => {}],
  ])('end when it has %s', async (last, item, then) => {
    const id = await customerOf(base).place(item, last === 'cancelled' ? 'manual' : 'automatic');
    const stream = await openEvents(base, id);
    await stream.until('reserved');
    await then(id);
    expect(await stream.end).toBe('complete');
    expect(stream.seen().slice(-2)).toEqual([expect.stringContaining(last), 'end']);
  });

  test('are told to everybody who watches, and from the beginning to whoever comes late', async () => {
    const customer = customerOf(base);
    const id = await customer.place({}, 'manual');
    const early = await Promise.all([1, 2, 3].map(() => openEvents(base, id)));
    await customer.becomes(id, 'reserved');
    await customer.cancel(id);
    await customer.becomes(id, 'cancelled');
    const streams = [...early, await openEvents(base, id)];
    await Promise.all(streams.map(({ end }) => end));
    const seen = ['1 placed', '2 reserved', '3 cancellationRequested', '4 cancelled', 'end'];
    expect(streams.map((stream) => stream.seen())).toEqual(streams.map(() => seen));
  });
});

describe('asking again with Last-Event-ID', () => {
  test('goes on behind it, and is answered 204 when nothing can follow', async () => {
    const customer = customerOf(base);
    const id = await customer.place({ amountMinor: magicAmounts.declined });
    await customer.becomes(id, 'failed');
    const stream = await openEvents(base, id, { 'last-event-id': '2' });
    await stream.end;
    expect(stream.seen()).toEqual(['3 failed', 'end']);
    const answer = await fetch(eventsUrl(id), { headers: { 'last-event-id': '3' } });
    expect([answer.status, await answer.text()]).toEqual([204, '']);
  });

  test.each(['x', '-1', '1.5', '0x2', '1e0', '99999999999', '3', '1 '.padEnd(300, '1')])(
    'that is none, or that the order has not reached, is refused: %s',
    async (lastEventId) => {
      const id = await customerOf(base).place({}, 'manual');
      await customerOf(base).becomes(id, 'reserved');
      const answer = await fetch(eventsUrl(id), { headers: { 'last-event-id': lastEventId } });
      expect(answer.status).toBe(400);
      expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
      expect(await answer.json()).toMatchObject(
        lastEventId === '3'
          ? { code: 'VERSION_NOT_REACHED', detail: 'the order has only reached version 2' }
          : { code: 'VALIDATION_FAILED', errors: [{ field: 'last-event-id' }] },
      );
    },
  );

  test('of an order that does not exist is 404, and of something that is no order 400', async () => {
    const answers = await Promise.all([randomUUID(), 'x'].map((id) => fetch(eventsUrl(id))));
    expect(answers.map(({ status }) => status)).toEqual([404, 400]);
    expect(await answers[0]?.json()).toMatchObject({ code: 'ORDER_NOT_FOUND' });
  });
});

/** What both of them saw together, of a stream that broke off and the one that went on. */
async function resume(broken: EventStream, baseUrl: string, id: string): Promise<EventStream> {
  const last = broken.events.at(-1)?.id;
  return openEvents(baseUrl, id, last === undefined ? {} : { 'last-event-id': last });
}

describe('no event is lost or repeated', () => {
  test('when the service is killed while the order goes on, and the client comes back', async () => {
    const ids = await Promise.all(
      Array.from({ length: 5 }, () => customerOf(base).place({ amountMinor: 2_000 })),
    );
    const streams = await Promise.all(ids.map((id) => openEvents(base, id)));
    await Promise.all(streams.map((stream) => stream.until('placed')));
    await system.kill('order');
    expect(await Promise.all(streams.map(({ end }) => end))).toEqual(streams.map(() => 'broken'));
    await system.start('order');
    const resumed = await Promise.all(
      streams.map((stream, index) => resume(stream, base, ids[index] as string)),
    );
    await Promise.all(
      ids.map(async (id, index) => {
        await customerOf(base).becomes(id, 'completed');
        const both = () => [...(streams[index]?.seen() ?? []), ...(resumed[index]?.seen() ?? [])];
        await eventually(() => both().length >= untilCompleted.length);
        expect(both()).toEqual(untilCompleted);
      }),
    );
    for (const stream of resumed) stream.leave();
  });

  test('when the service is stopped, which ends the stream in order and at once, and another process goes on', async () => {
    const replica = await system.startReplica('order');
    const customer = customerOf(replica.url);
    const id = await customer.place({}, 'manual');
    const stream = await openEvents(base, id);
    await stream.until('reserved');
    expect(await system.stop('order')).toEqual({ code: 0, signal: null });
    expect(await stream.end).toBe('complete');
    expect(stream.seen()).toEqual(['1 placed', '2 reserved']);
    await customer.pay(id);
    const resumed = await resume(stream, replica.url, id);
    await resumed.until('completed');
    expect(resumed.seen()).toEqual(['3 paymentRequested', '4 paid', '5 completed']);
    resumed.leave();
    await system.start('order');
    await replica.kill();
  });

  test('when another process changes the order', async () => {
    const replica = await system.startReplica('order');
    const id = await customerOf(base).place({}, 'manual');
    const streams = await Promise.all([base, replica.url].map((url) => openEvents(url, id)));
    await Promise.all(streams.map((stream) => stream.until('reserved')));
    await customerOf(replica.url).pay(id);
    await Promise.all(streams.map((stream) => stream.until('completed')));
    await customerOf(base).fulfil(id);
    await Promise.all(streams.map((stream) => stream.until('fulfilled')));
    const seen = ['1 placed', '2 reserved', '3 paymentRequested', '4 paid', '5 completed', '6 fulfilled'];
    expect(streams.map((stream) => stream.seen())).toEqual([seen, seen]);
    for (const stream of streams) stream.leave();
    await replica.kill();
  });
});
