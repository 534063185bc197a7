import { beforeEach, describe, expect, test } from '@jest/globals';
import { keyInUse } from '#shared/idempotency/refusals.ts';
import { AppError, type ErrorKind } from '#shared/kernel/errors.ts';
import type { Order } from '../domain/order.ts';
import { orderWith } from '../domain/testing/orders.ts';
import { type Answer, createRunOnce, type RunOnce, refundIdFor, type Work } from './idempotency.ts';
import type { IdempotencyRecord, IdempotencyRecords } from './ports/idempotency-records.ts';

const ttlMs = 1_000;
const once = { caller: 'ada', key: 'k' };
const order: Order = orderWith({});

let now: number;
let stored: IdempotencyRecord[];
let runOnce: RunOnce;
/** How often the work was done. */
let done: number;

const isSame = (a: Record<string, unknown>, b: Record<string, unknown>): boolean =>
  ['caller', 'operation', 'key'].every((part) => a[part] === b[part]);

const records: IdempotencyRecords = {
  find: async (scope, at) =>
    stored.find((known) => isSame({ ...known }, { ...scope }) && known.expiresAt > at),
  async add(record) {
    if (await records.find(record, record.createdAt)) throw keyInUse();
    stored.push(record);
  },
  deleteExpired: async () => 0,
};

beforeEach(() => {
  now = 1_795_000_000_000;
  stored = [];
  done = 0;
  runOnce = createRunOnce({ records, clock: () => new Date(now), ttlMs });
});

const work: Work = async () => {
  done += 1;
  return { order, isRecorded: false };
};
const failing =
  (kind: ErrorKind): Work =>
  async () => {
    done += 1;
    throw new AppError({
      code: 'ORDER_STATE_CONFLICT',
      kind,
      message: 'no',
      data: { allowed: ['pending'] },
    });
  };
const ask = (how: Work = work, input: unknown = { a: 1, b: [2] }, by = once): Promise<Answer> =>
  runOnce({ operation: 'cancel', once: by, input }, how);

describe('a request with an idempotency key', () => {
  test('is carried out once, and answered alike for as long as the key stands for it', async () => {
    expect(await ask()).toEqual({ order, replayed: false });
    now += ttlMs - 1;
    // Fields in another order say the same.
    expect(await ask(work, { b: [2], a: 1 })).toEqual({ order, replayed: true });
    expect(done).toBe(1);
    now += 1;
    stored = [];
    expect(await ask()).toEqual({ order, replayed: false });
  });

  test.each([
    ['another caller', { ...once, caller: 'bob' }],
    ['another key', { ...once, key: 'l' }],
  ])('is another one with %s', async (_, by) => {
    await ask();
    expect(await ask(work, { a: 1, b: [2] }, by)).toMatchObject({ replayed: false });
  });

  test('is another one for another operation', async () => {
    await ask();
    expect(await runOnce({ operation: 'pay', once, input: 1 }, work)).toMatchObject({ replayed: false });
  });

  test('is refused if it says something else than the first one', async () => {
    await ask();
    await expect(ask(work, { a: 2 })).rejects.toMatchObject({ code: 'IDEMPOTENCY_KEY_REUSED' });
    expect(done).toBe(1);
  });

  test('is told to wait while the first one is under way, also if it says something else', async () => {
    const slow = Promise.withResolvers<void>();
    const first = ask(async (recordOf) => {
      await slow.promise;
      return work(recordOf);
    });
    await expect(ask()).rejects.toMatchObject({ code: 'IDEMPOTENCY_KEY_IN_USE' });
    await expect(ask(work, 'else')).rejects.toMatchObject({ code: 'IDEMPOTENCY_KEY_IN_USE' });
    slow.resolve();
    expect(await first).toMatchObject({ replayed: false });
    expect(await ask()).toMatchObject({ replayed: true });
    expect(done).toBe(1);
  });

  test('is refused again in the same words if it was refused', async () => {
    await expect(ask(failing('rejected'))).rejects.toMatchObject({ code: 'ORDER_STATE_CONFLICT' });
    await expect(ask()).rejects.toMatchObject({
      code: 'ORDER_STATE_CONFLICT',
      kind: 'rejected',
      message: 'no',
      data: { allowed: ['pending'], replayed: true },
    });
    expect(done).toBe(1);
  });

  test.each<ErrorKind>(['transient', 'unavailable', 'conflict'])(
    'may come again after an error of kind %s',
    async (kind) => {
      await expect(ask(failing(kind))).rejects.toMatchObject({ code: 'ORDER_STATE_CONFLICT' });
      expect(await ask()).toEqual({ order, replayed: false });
    },
  );

  test('is answered with what another process stored meanwhile', async () => {
    const other = createRunOnce({ records, clock: () => new Date(now), ttlMs });
    const answer = await ask(async () => {
      await other({ operation: 'cancel', once, input: { a: 1, b: [2] } }, work);
      // What storing the change with its record comes to now.
      throw keyInUse();
    });
    expect(answer).toEqual({ order, replayed: true });
  });
});

test('without a key every request is carried out, and nothing is kept', async () => {
  const request = { operation: 'create', once: undefined, input: 1 };
  for (let time = 0; time < 2; time += 1)
    expect(await runOnce(request, work)).toMatchObject({ replayed: false });
  expect(done).toBe(2);
  expect(stored).toEqual([]);
});

test("a refund without an id of the caller's has one that follows from its key", () => {
  expect(refundIdFor({}, once)).toBe(refundIdFor({ amountMinor: 5 }, { ...once }));
  expect(refundIdFor({}, once)).not.toBe(refundIdFor({}, { ...once, caller: 'bob' }));
  expect(refundIdFor({ refundId: 'mine' }, once)).toBe('mine');
  expect(refundIdFor({}, undefined)).not.toBe(refundIdFor({}, undefined));
  expect(() => refundIdFor({ amountMinor: 5 }, undefined)).toThrow(/^refundId: is required/);
});
