import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { SagaChanges } from '#processor-service/application/ports/saga-repository.ts';
import type { ProcessingRequest } from '#processor-service/application/take-saga-steps.ts';
import type { Saga } from '#processor-service/domain/saga.ts';
import type { Stock } from '#processor-service/domain/stock.ts';
import { newId } from '#shared/kernel/ids.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { announcementsOf } from './support/outbox.ts';
import { beginOf, type OpenSagaRepository, openSagaRepository, requestOf } from './support/sagas.ts';

let database: TestDatabase;
let replicas: OpenSagaRepository[];

beforeAll(async () => {
  database = await createTestDatabase('processor');
  replicas = Array.from({ length: 4 }, () => openSagaRepository(database.url, 6));
});
afterAll(async () => {
  await Promise.all(replicas.map((replica) => replica.close()));
  await database.drop();
});

/** Spreads calls over the replicas. */
function replica(index: number): OpenSagaRepository {
  return replicas[index % replicas.length]!;
}

/** A SKU of the test's own. */
async function stocked(onHand: number): Promise<string> {
  const sku = `SKU-${newId()}`;
  await database.pool.query(
    'INSERT INTO stock (sku, on_hand, received, updated_at) VALUES ($1, $2, $2, now())',
    [sku, onHand],
  );
  return sku;
}

async function stockOf(sku: string): Promise<Omit<Stock, 'sku'>> {
  const { rows } = await database.pool.query(
    'SELECT on_hand AS "onHand", reserved, shipped FROM stock WHERE sku = $1',
    [sku],
  );
  return rows[0];
}

/** What processor_db has about an order. */
async function storedAbout({ order }: ProcessingRequest) {
  const read = async (sql: string): Promise<string[]> =>
    (await database.pool.query({ text: sql, values: [order.orderId], rowMode: 'array' })).rows.map(String);
  return {
    sagas: await read('SELECT state FROM sagas WHERE order_id = $1'),
    reservations: await read('SELECT quantity, state FROM reservations WHERE order_id = $1 ORDER BY sku'),
    announcements: await read('SELECT type FROM outbox WHERE order_id = $1 ORDER BY id'),
  };
}

const nothing = { sagas: [], reservations: [], announcements: [] };

describe('beginning sagas', () => {
  test('promises the last ten pieces to ten of fifty orders', async () => {
    const sku = await stocked(10);
    const requests = Array.from({ length: 50 }, () => requestOf({ [sku]: 1 }));
    // Alone and in sets, from all replicas at once.
    const sets = [
      ...requests.slice(0, 20).map((request) => [request]),
      requests.slice(20, 35),
      requests.slice(35),
    ];
    const results = await Promise.all(sets.map((set, index) => replica(index).takeSteps(set.map(beginOf))));
    const states = results.flat().map(({ saga }) => saga.failure?.code ?? saga.state);
    expect(states.filter((state) => state === 'reserved')).toHaveLength(10);
    expect(states.filter((state) => state === 'OUT_OF_STOCK')).toHaveLength(40);
    expect(await stockOf(sku)).toEqual({ onHand: 0, reserved: 10, shipped: 0 });
    const stored = await Promise.all(requests.map(storedAbout));
    expect(stored.filter(({ reservations }) => reservations.length > 0)).toHaveLength(10);
    expect(stored.every(({ announcements }) => announcements.length === 1)).toBe(true);
  });

  test('has one effect when twenty copies of one message arrive together', async () => {
    const sku = await stocked(100);
    const request = requestOf({ [sku]: 3 });
    // All of them have seen that there is no saga yet when the gate opens.
    const gate = await database.pool.connect();
    await gate.query('BEGIN');
    await gate.query('LOCK TABLE stock IN EXCLUSIVE MODE');
    const copies = Array.from({ length: 20 }, (_, index) => replica(index).takeSteps([beginOf(request)]));
    await eventually(async () => (await waitingSessions()) === 20);
    await gate.query('COMMIT');
    gate.release();

    const results = (await Promise.all(copies)).flat();
    expect(results.filter(({ advanced }) => advanced)).toHaveLength(1);
    expect(results.every(({ saga }) => saga.state === 'reserved')).toBe(true);
    expect(await storedAbout(request)).toEqual({
      sagas: ['reserved'],
      reservations: ['3,open'],
      announcements: ['order.reserved.v1'],
    });
    expect(await stockOf(sku)).toEqual({ onHand: 97, reserved: 3, shipped: 0 });
  });

  test('has one effect when copies of one message share a set', async () => {
    const sku = await stocked(100);
    const request = requestOf({ [sku]: 3 });
    const results = await replica(0).takeSteps(Array(5).fill(beginOf(request)));
    expect(results.map(({ advanced }) => advanced)).toEqual([true, false, false, false, false]);
    expect(await stockOf(sku)).toEqual({ onHand: 97, reserved: 3, shipped: 0 });
  });
});

describe('ending sagas', () => {
  test('ships or releases once, whatever arrives at the same time', async () => {
    const sku = await stocked(100);
    const request = requestOf({ [sku]: 2 });
    await replica(0).takeSteps([beginOf(request)]);
    const failure = { code: 'PAYMENT_DECLINED', message: 'no', recoverable: false };
    const events = [
      { type: 'paymentCaptured', run: 0, paymentId: 'payment-1' },
      { type: 'paymentDeclined', run: 0, failure },
    ] as const;
    const results = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        replica(index).takeSteps([{ request, event: events[index % 2]! }]),
      ),
    );
    expect(results.flat().filter(({ advanced }) => advanced)).toHaveLength(1);
    const { sagas, reservations, announcements } = await storedAbout(request);
    const paid = sagas[0] === 'completed';
    expect(reservations).toEqual([paid ? '2,shipped' : '2,released']);
    expect(announcements.slice(1)).toEqual([...(paid ? ['order.paid.v1'] : []), 'order.processed.v1']);
    expect(await stockOf(sku)).toEqual(
      paid ? { onHand: 98, reserved: 0, shipped: 2 } : { onHand: 100, reserved: 0, shipped: 0 },
    );
  });

  test('conserves stock through a crowd of orders with the same SKUs in every order, without a deadlock', async () => {
    const skus = [await stocked(40), await stocked(40), await stocked(40)];
    const rotations = skus.map((_, index) => [...skus.slice(index), ...skus.slice(0, index)]);
    const failure = { code: 'PAYMENT_DECLINED', message: 'no', recoverable: false };
    const outcomes = [
      { type: 'paymentDeclined', run: 0, failure },
      { type: 'paymentCaptured', run: 0, paymentId: 'payment-1' },
    ] as const;
    /** A set of three orders, one for each SKU, from begin to end. */
    const drive = async (index: number): Promise<void> => {
      const rotation = index % 2 === 0 ? rotations[index % 3]! : rotations[index % 3]!.toReversed();
      const requests = rotation.map((sku) => requestOf({ [sku]: 1 }));
      const begun = await replica(index).takeSteps(requests.map(beginOf));
      const event = outcomes[index % 4 === 0 ? 0 : 1];
      const reserved = requests.filter((_, position) => begun[position]!.saga.state === 'reserved');
      await replica(index + 1).takeSteps(reserved.map((request) => ({ request, event })));
    };
    await Promise.all(Array.from({ length: 80 }, (_, index) => drive(index)));

    const [first, ...rest] = await Promise.all(skus.map(stockOf));
    expect(first!.reserved).toBe(0);
    expect(first!.onHand + first!.shipped).toBe(40);
    expect(first!.shipped).toBeGreaterThan(0);
    expect(rest).toEqual([first, first]);
    expect(await deadlocks()).toBe(0);
  });
});

describe('one transaction', () => {
  /** Changes that reserve two pieces for a new saga, to be broken in one place. */
  function reservationOf(request: ProcessingRequest, sku: string, held: Stock): SagaChanges<void> {
    const now = new Date();
    const saga: Saga = {
      ...request,
      state: 'reserved',
      run: 0,
      paymentId: null,
      failure: null,
      cancelRequested: false,
      refunds: [],
      attempts: 0,
      trouble: null,
      eventSequence: 1,
      startedAt: now,
      updatedAt: now,
      deadlineAt: now,
    };
    return {
      created: [saga],
      updated: [],
      stock: [{ ...held, onHand: held.onHand - 2, reserved: held.reserved + 2 }],
      reservations: [{ orderId: request.order.orderId, lines: [{ sku, quantity: 2 }], state: 'open' }],
      announcements: announcementsOf(request.order.orderId, 1),
      resumptions: [],
      at: now,
      result: undefined,
    };
  }

  test.each<[string, (changes: SagaChanges<void>) => SagaChanges<void>]>([
    [
      'stock that is not conserved',
      (changes) => ({ ...changes, stock: [{ ...changes.stock[0]!, reserved: 3 }] }),
    ],
    [
      'negative stock',
      (changes) => ({ ...changes, stock: [{ ...changes.stock[0]!, onHand: -1, reserved: 11 }] }),
    ],
    [
      'a reservation of nothing',
      (changes) => {
        const [reservation] = changes.reservations;
        const lines = reservation!.lines.map((line) => ({ ...line, quantity: 0 }));
        return { ...changes, reservations: [{ ...reservation!, lines }] };
      },
    ],
    [
      'a broken announcement',
      (changes) => ({
        ...changes,
        announcements: changes.announcements.map((row) => ({ ...row, message_id: 'no uuid' })),
      }),
    ],
  ])('leaves nothing behind when one part is refused: %s', async (_, spoil) => {
    const sku = await stocked(10);
    const request = requestOf({ [sku]: 2 });
    const scope = { orderIds: [request.order.orderId], skus: [sku] };
    const change = (decide: (changes: SagaChanges<void>) => SagaChanges<void>): Promise<void> =>
      replica(0).sagas.change(scope, (_sagas, stock) => decide(reservationOf(request, sku, stock.get(sku)!)));

    await expect(change(spoil)).rejects.toMatchObject({ code: 'INTERNAL' });
    expect(await storedAbout(request)).toEqual(nothing);
    expect(await stockOf(sku)).toEqual({ onHand: 10, reserved: 0, shipped: 0 });
    // Without the flaw it goes through.
    await change((changes) => changes);
    expect(await storedAbout(request)).toEqual({
      sagas: ['reserved'],
      reservations: ['2,open'],
      announcements: ['order.created.v1'],
    });
  });
});

describe('sagas past their deadline', () => {
  test('are each taken up by one watchdog only, and by nobody before their new deadline', async () => {
    const sku = await stocked(100);
    const requests = Array.from({ length: 30 }, () => requestOf({ [sku]: 1 }));
    await replica(0).takeSteps(requests.map(beginOf));
    const ended = requests.pop()!;
    await replica(0).takeSteps([
      { request: ended, event: { type: 'paymentCaptured', run: 0, paymentId: 'payment-1' } },
    ]);

    const now = new Date(Date.now() + 120_000);
    const until = new Date(now.getTime() + 30_000);
    const taken = await Promise.all(
      replicas.map(({ sagas }) => sagas.takeOverdue({ now, until, limit: 20 })),
    );
    const again = await replica(1).sagas.takeOverdue({ now, until, limit: 1_000 });
    const ids = [...taken.flat(), ...again].map(({ order }) => order.orderId);
    const ours = ids.filter((id) => [...requests, ended].some(({ order }) => order.orderId === id));
    expect(ours.sort()).toEqual(requests.map(({ order }) => order.orderId).sort());
    expect(await replica(1).sagas.takeOverdue({ now, until, limit: 1_000 })).toEqual([]);
  });
});

async function waitingSessions(): Promise<number> {
  const { rowCount } = await database.pool.query(
    "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
  );
  return rowCount ?? 0;
}

/** So far in this database; sessions report them when they end. */
async function deadlocks(): Promise<number> {
  await Promise.all(replicas.map((each) => each.close()));
  replicas = replicas.map(() => openSagaRepository(database.url, 6));
  const { rows } = await database.pool.query<{ deadlocks: number }>(
    'SELECT deadlocks::int FROM pg_stat_database WHERE datname = current_database()',
  );
  return rows[0]?.deadlocks ?? 0;
}
