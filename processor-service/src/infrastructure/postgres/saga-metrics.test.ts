import { beforeEach, expect, test } from '@jest/globals';
import { metricsRegistry } from '#shared/metrics/registry.ts';
import type { SagaChanges, SagaRepository } from '../../application/ports/saga-repository.ts';
import { createMemorySagas } from '../../application/testing/memory-sagas.ts';
import type { Saga } from '../../domain/saga.ts';
import { sagaIn, someOrder, someTime } from '../../domain/testing/sagas.ts';
import { measureSagas } from './saga-metrics.ts';

const { orderId } = someOrder;
const nothing = { created: [], updated: [], stock: [], reservations: [], announcements: [], resumptions: [] };
const released = [{ orderId, lines: [], state: 'released' as const }];
const later = (seconds: number) => new Date(someTime.getTime() + seconds * 1_000);

let sagas: SagaRepository;

beforeEach(() => {
  metricsRegistry.resetMetrics();
  sagas = measureSagas(createMemorySagas([]));
});

/** Stores these changes, whatever there is. */
async function store(
  changes: Partial<SagaChanges<void>>,
  repository: Pick<SagaRepository, 'change'> = sagas,
): Promise<void> {
  const scope = { orderIds: [orderId], skus: [] };
  await repository.change(scope, () => ({ ...nothing, at: someTime, result: undefined, ...changes }));
}

const begin = (changes: Partial<Saga> = {}) => store({ created: [sagaIn('reserved', changes)] });
const become = (...saga: Parameters<typeof sagaIn>) => store({ updated: [sagaIn(...saga)] });

/** What was counted since the beginning of the test, by its name without `oms_saga_`. */
async function counted(): Promise<Record<string, number>> {
  const lines = (await metricsRegistry.metrics()).split('\n');
  const samples = lines.flatMap((line) => {
    const [, name = '', value] = /^oms_saga_(\w+_(?:total|count)(?:{.*})?) ([1-9]\d*)$/.exec(line) ?? [];
    return value === undefined ? [] : [[name, Number(value)]];
  });
  return Object.fromEntries(samples);
}

test('a saga is counted when it begins and when it ends, with how long it took', async () => {
  await begin();
  expect(await counted()).toEqual({ started_total: 1 });
  await become('completed', { updatedAt: later(7) });
  expect(await counted()).toEqual({
    started_total: 1,
    completed_total: 1,
    'duration_seconds_count{outcome="completed",payment="automatic"}': 1,
  });
  expect(await metricsRegistry.getSingleMetricAsString('oms_saga_duration_seconds')).toMatch(/_sum{.*} 7$/m);
});

test('what changes nothing about where a saga stands is not counted', async () => {
  await begin();
  await become('completed');
  const before = await counted();
  await become('completed', { cancelRequested: true });
  expect(await counted()).toEqual(before);
});

test('a failure is counted with its reason, and what it undid', async () => {
  await begin();
  const failure = { code: 'PAYMENT_DECLINED', message: 'no money', recoverable: false };
  await store({ updated: [sagaIn('failed', { failure })], reservations: released });
  expect(await counted()).toMatchObject({
    'failed_total{reason="PAYMENT_DECLINED"}': 1,
    compensated_total: 1,
  });
});

test('a replay begins another run, which ends another time and takes no time of its own', async () => {
  const failure = { code: 'PAYMENT_UNAVAILABLE', message: 'away', recoverable: true };
  await begin();
  await become('failed', { failure });
  await become('reserved', { run: 1, failure: null });
  await become('failed', { run: 1, failure });
  expect(await counted()).toEqual({
    started_total: 2,
    'failed_total{reason="PAYMENT_UNAVAILABLE"}': 2,
    'duration_seconds_count{outcome="failed",payment="automatic"}': 1,
  });
});

test('a run that begins and fails in one transaction is counted as both', async () => {
  const failure = { code: 'OUT_OF_STOCK', message: 'none', recoverable: false };
  await store({ created: [sagaIn('failed', { failure })] });
  expect(await counted()).toMatchObject({ started_total: 1, 'failed_total{reason="OUT_OF_STOCK"}': 1 });
});

test('a cancellation that comes before its order ends a saga that never began, and took no time', async () => {
  await store({ created: [sagaIn('cancelled')] });
  expect(await counted()).toEqual({ cancelled_total: 1 });
});

test('a transaction that is decided twice is counted once, and as it was stored', async () => {
  const memory = createMemorySagas([]);
  const retrying = measureSagas({
    ...memory,
    async change(scope, decide) {
      decide(new Map(), new Map());
      return memory.change(scope, decide);
    },
  });
  await store({ created: [sagaIn('reserved')] }, retrying);
  expect(await counted()).toEqual({ started_total: 1 });
});

test('a transaction that does not commit is not counted', async () => {
  const failing = measureSagas({
    ...createMemorySagas([]),
    async change(_, decide) {
      decide(new Map(), new Map());
      throw new Error('the commit failed');
    },
  });
  await expect(store({ created: [sagaIn('reserved')] }, failing)).rejects.toThrow('the commit failed');
  expect(await counted()).toEqual({});
});
