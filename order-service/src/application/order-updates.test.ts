import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createLogger } from '#shared/observability/logger.ts';
import { createOrderUpdates, type OrderUpdates } from './order-updates.ts';
import type { HistoryEntry, OrderProgress } from './ports/order-progress.ts';

/** Long enough for nothing to happen by itself: what is seen was asked for because of `look()` or a new watcher. */
const never = 3_600_000;

/** Histories in memory. */
let histories: Map<string, { entries: HistoryEntry[]; hasEnded: boolean }>;
/** What was asked for, question by question. */
let questions: (readonly { readonly orderId: string; readonly after: number }[])[];
let failure: Error | undefined;
let updates: OrderUpdates;

const progress: OrderProgress = {
  async behind(versions) {
    questions.push(versions);
    if (failure) throw failure;
    return versions.map(({ orderId, after }) => {
      const { entries = [], hasEnded = false } = histories.get(orderId) ?? {};
      return { entries: entries.slice(after), hasEnded };
    });
  },
};

function create(options: { pollIntervalMs?: number; maxWatchers?: number } = {}): OrderUpdates {
  const logger = createLogger({ service: 'test', level: 'silent' });
  const { pollIntervalMs = never, maxWatchers = 100 } = options;
  return createOrderUpdates({ progress, maxWatchers, pollIntervalMs, shortestPauseMs: 1, logger });
}

beforeEach(() => {
  histories = new Map();
  questions = [];
  failure = undefined;
  updates = create();
});
afterEach(() => updates.stop());

/** Lets something happen to an order, without telling. */
function happen(orderId: string, type: string, hasEnded = false): void {
  const entries = histories.get(orderId)?.entries ?? [];
  const caused = { actor: 'test', correlationId: 'c', traceId: 't', data: {} };
  const detail = { version: entries.length + 1, ...caused };
  entries.push({ at: new Date(), kind: 'history', type, detail });
  histories.set(orderId, { entries, hasEnded });
}

interface Watcher {
  readonly seen: string[];
  readonly leave: () => void;
  /** How it ended. */
  readonly end: Promise<unknown>;
}

function watch(orderId: string, after = 0, through = updates): Watcher {
  const leaving = new AbortController();
  const seen: string[] = [];
  const entries = through.watch(orderId, { after, signal: leaving.signal });
  const read = async () => {
    for await (const { type, detail } of entries) seen.push(`${detail.version} ${type}`);
    return 'done';
  };
  return { seen, leave: () => leaving.abort(), end: read().catch((error: unknown) => error) };
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve));
}

/** Until the loop has asked once more; whatever the question before it found has been handed out by then. */
async function asked(): Promise<void> {
  const before = questions.length;
  while (questions.length === before) {
    updates.look();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('a watcher', () => {
  test('sees what has happened and what happens, each once and in order, until the order has ended', async () => {
    happen('a', 'placed');
    happen('a', 'reserved');
    const watcher = watch('a');
    await until(() => watcher.seen.length === 2);
    happen('a', 'paid');
    updates.look();
    await until(() => watcher.seen.length === 3);
    happen('a', 'completed');
    happen('a', 'refunded', true);
    updates.look();
    expect(await watcher.end).toBe('done');
    expect(watcher.seen).toEqual(['1 placed', '2 reserved', '3 paid', '4 completed', '5 refunded']);
  });

  test('goes on behind what it has seen', async () => {
    for (const type of ['placed', 'reserved', 'failed']) happen('a', type, type === 'failed');
    const [some, none] = [watch('a', 2), watch('a', 3)];
    expect(await Promise.all([some.end, none.end])).toEqual(['done', 'done']);
    expect([some.seen, none.seen]).toEqual([['3 failed'], []]);
  });

  test('sees what other processes did, without anybody telling', async () => {
    const polling = create({ pollIntervalMs: 5 });
    const watcher = watch('a', 0, polling);
    await until(() => questions.length > 2);
    happen('a', 'placed');
    await until(() => watcher.seen.length === 1);
    await polling.stop();
  });

  test('misses nothing that happens while the database is being asked', async () => {
    happen('a', 'placed');
    const watcher = watch('a');
    // The first question is on its way, and its answer will not have this.
    await Promise.resolve();
    happen('a', 'reserved');
    updates.look();
    await until(() => watcher.seen.length === 2);
  });

  test('survives a database that is away', async () => {
    failure = new Error('away');
    const watcher = watch('a');
    await until(() => questions.length === 1);
    await asked();
    failure = undefined;
    happen('a', 'placed');
    updates.look();
    await until(() => watcher.seen.length === 1);
  });

  test('that does not take what there is has nothing read for it', async () => {
    const leaving = new AbortController();
    const entries = updates.watch('slow', { after: 0, signal: leaving.signal })[Symbol.asyncIterator]();
    happen('slow', 'placed');
    expect(await entries.next()).toMatchObject({ value: { detail: { version: 1 } } });
    const other = watch('other');
    await asked();
    for (let count = 0; count < 50; count += 1) happen('slow', 'reserved');
    await asked();
    expect(questions.slice(-2).flat()).toEqual([1, 2].map(() => ({ orderId: 'other', after: 0 })));
    expect(await entries.next()).toMatchObject({ value: { detail: { version: 2 } } });
    other.leave();
    leaving.abort();
  });

  test('ends when its client is gone, whether it was waiting or had not begun', async () => {
    const watcher = watch('a');
    await until(() => questions.length === 1);
    watcher.leave();
    expect(await watcher.end).toBe('done');
    const gone = updates.watch('a', { after: 0, signal: AbortSignal.abort() })[Symbol.asyncIterator]();
    expect(await gone.next()).toMatchObject({ done: true });
  });
});

describe('many watchers', () => {
  test('make one question, which names each order once', async () => {
    for (const orderId of ['a', 'b']) for (const type of ['placed', 'reserved']) happen(orderId, type);
    // Whoever comes first is asked for at once.
    const first = watch('c');
    const watchers = Array.from({ length: 90 }, (_, index) => watch(index % 2 ? 'a' : 'b', index % 3));
    await until(() => watchers.every(({ seen }, index) => seen.length === 2 - (index % 3)));
    expect(questions.slice(0, 2)).toEqual([
      [{ orderId: 'c', after: 0 }],
      [
        { orderId: 'c', after: 0 },
        { orderId: 'b', after: 0 },
        { orderId: 'a', after: 0 },
      ],
    ]);
    first.leave();
  });

  test('of which none is left ask nothing', async () => {
    const watcher = watch('a');
    await until(() => questions.length === 1);
    watcher.leave();
    await watcher.end;
    updates.look();
    await updates.stop();
    expect(questions).toHaveLength(1);
  });

  test('are too many at some point, and again as many as before when some have left', async () => {
    updates = create({ maxWatchers: 3 });
    const tooMany = expect.objectContaining({ code: 'TOO_MANY_WATCHERS' });
    const [first] = [watch('a'), watch('a')];
    // Nobody ever reads from this one; it counts as long as its client is there.
    const unread = new AbortController();
    updates.watch('a', { after: 0, signal: unread.signal });
    for (let count = 0; count < 5; count += 1) expect(() => watch('a')).toThrow(tooMany);
    unread.abort();
    // This one does not, because its client is gone already.
    updates.watch('a', { after: 0, signal: AbortSignal.abort() });
    const third = watch('a');
    expect(() => watch('a')).toThrow(tooMany);
    first?.leave();
    third.leave();
    watch('a');
    watch('a');
    expect(() => watch('a')).toThrow(tooMany);
  });
});

describe('stopping', () => {
  test('lets every watcher go with what it has, and takes no other', async () => {
    happen('a', 'placed');
    const waiting = [watch('a'), watch('b')];
    await until(() => waiting[0]?.seen.length === 1);
    await updates.stop();
    expect(await Promise.all(waiting.map(({ end }) => end))).toEqual(
      [1, 2].map(() => expect.objectContaining({ code: 'SHUTTING_DOWN' })),
    );
    // Like those who were there before, so that its client comes back.
    expect(await watch('a').end).toMatchObject({ code: 'SHUTTING_DOWN' });
  });

  test('gives a watcher that is behind what was read for it', async () => {
    for (const type of ['placed', 'reserved']) happen('a', type);
    const { signal } = new AbortController();
    const entries = updates.watch('a', { after: 0, signal })[Symbol.asyncIterator]();
    expect(await entries.next()).toMatchObject({ value: { detail: { version: 1 } } });
    await updates.stop();
    expect(await entries.next()).toMatchObject({ value: { detail: { version: 2 } } });
    await expect(entries.next()).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
  });
});
