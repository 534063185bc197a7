import { credentials, type ServiceError, status } from '@grpc/grpc-js';
import { afterEach, describe, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { anonymous } from '#shared/auth/caller.ts';
import { createRateLimiter } from '#shared/auth/rate-limiter.ts';
import { AppError, type ErrorCode } from '#shared/kernel/errors.ts';
import type { HistoryEntry } from '../application/ports/order-progress.ts';
import type { WatchOrder } from '../application/watch-order.ts';
import type { OrderUseCases } from './order-methods.ts';
import { OrderServiceClient, type WatchOrderResponse } from './protobuf/oms/v1/order_service.ts';
import { createGrpcServer, type GrpcServer } from './server.ts';

const orderId = '01a1fbf4-b78c-76fb-8985-bfb8b76312a0';
const textOf10KB = 'x'.repeat(10_000);

let server: GrpcServer;
let client: OrderServiceClient;
/** What the log complained of. */
let complaints: ErrorCode[];
afterEach(async () => {
  client.close();
  await server.close();
});

/** A server on a real socket that answers every watcher with this. */
async function serve(watchOrder: WatchOrder): Promise<void> {
  complaints = [];
  server = createGrpcServer({
    useCases: { watchOrder } as OrderUseCases,
    authenticate: async () => anonymous,
    rateLimiter: createRateLimiter({ requests: 1_000, windowMs: 10_000 }),
    readiness: async () => ({ status: 'ready', checks: {}, required: [] }),
    logger: pino({ level: 'warn' }, { write: (line) => complaints.push(JSON.parse(line).err.code) }),
  });
  client = new OrderServiceClient(
    await server.listen({ host: '127.0.0.1', port: 0 }),
    credentials.createInsecure(),
  );
}

function entryOf(version: number): HistoryEntry {
  const detail = { version, actor: 'test', correlationId: 'c', traceId: 't', data: { text: textOf10KB } };
  return { at: new Date(), kind: 'history', type: 'reserved', detail };
}

/** Opens the stream; `deadlineMs` from now on at most. */
function open(deadlineMs = 60_000) {
  const stream = client.watchOrder({ orderId, afterVersion: 0 }, { deadline: Date.now() + deadlineMs });
  const seen: number[] = [];
  stream.on('data', ({ event }: WatchOrderResponse) => seen.push(event?.version ?? 0));
  const end = new Promise<number>((resolve) => {
    stream.once('end', () => resolve(status.OK));
    stream.once('error', ({ code }: ServiceError) => resolve(code));
  });
  return { stream, seen, end };
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** Until a number has not changed for a while. */
async function settled(read: () => number): Promise<number> {
  for (let last = -1, same = 0; ; last = read()) {
    same = last === read() ? same + 1 : 0;
    if (same === 20) return last;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

describe('a stream', () => {
  test('gets no further than its reader has room for, and goes on when he reads on', async () => {
    let produced = 0;
    await serve(async () => {
      return (async function* () {
        while (true) yield entryOf((produced += 1));
      })();
    });
    const { stream, seen, end } = open();
    await until(() => seen.length > 0);
    stream.pause();
    const atRest = await settled(() => produced);
    expect((atRest - seen.length) * textOf10KB.length).toBeLessThan(10_000_000);
    stream.resume();
    await until(() => produced > atRest + 1_000);
    expect(seen.every((version, index) => version === index + 1)).toBe(true);
    stream.cancel();
    expect(await end).toBe(status.CANCELLED);
  });

  test.each([
    ['its caller cancels it', 60_000, true, status.CANCELLED],
    ['its deadline passes', 300, false, status.DEADLINE_EXCEEDED],
  ])('ends its work when %s', async (_why, deadlineMs, cancels, code) => {
    let ended = false;
    await serve(async ({ signal }) => {
      return (async function* () {
        try {
          yield entryOf(1);
          await new Promise((resolve) => signal.addEventListener('abort', resolve));
        } finally {
          ended = true;
        }
      })();
    });
    const { stream, seen, end } = open(deadlineMs);
    await until(() => seen.length === 1);
    if (cancels) stream.cancel();
    expect(await end).toBe(code);
    await until(() => ended);
  });

  test('whose caller is gone before it began is let go of', async () => {
    let signalOf: AbortSignal | undefined;
    let begin = () => {};
    const gate = new Promise<void>((resolve) => {
      begin = resolve;
    });
    await serve(async ({ signal }) => {
      signalOf = signal;
      await gate;
      return (async function* () {
        yield entryOf(1);
      })();
    });
    const { stream, end } = open();
    await until(() => signalOf !== undefined);
    stream.cancel();
    expect(await end).toBe(status.CANCELLED);
    await until(() => signalOf?.aborted === true);
    begin();
  });

  test.each<[ErrorCode, string, ErrorCode[]]>([
    ['DATABASE_UNAVAILABLE', 'a complaint', ['DATABASE_UNAVAILABLE']],
    ['SHUTTING_DOWN', 'none', []],
  ])(
    'that %s ends has its status, behind what was said before, and in the log %s',
    async (code, _what, complained) => {
      let signalOf: AbortSignal | undefined;
      await serve(async ({ signal }) => {
        signalOf = signal;
        return (async function* () {
          yield entryOf(1);
          throw new AppError({ code, kind: 'unavailable', message: 'not now' });
        })();
      });
      const { seen, end } = open();
      expect(await end).toBe(status.UNAVAILABLE);
      expect(seen).toEqual([1]);
      expect(signalOf?.aborted).toBe(true);
      expect(complaints).toEqual(complained);
    },
  );

  test('of nothing ends well', async () => {
    await serve(async () => undefined);
    const { seen, end } = open();
    expect([await end, seen]).toEqual([status.OK, []]);
  });
});
