import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { z } from 'zod';
import { problems } from '#shared/http/problem.ts';
import type { HttpServer } from '#shared/http/server.ts';
import { AppError } from '#shared/kernel/errors.ts';
import { sleep } from '#shared/kernel/sleep.ts';
import type { HistoryEntry } from '../application/ports/order-progress.ts';
import type { WatchOrder } from '../application/watch-order.ts';
import { orderIdParams } from './order-schemas.ts';

const lastEventId = 'last-event-id';
const reconnectMs = 2_000;

const lastEventIdHeader = z.object({
  [lastEventId]: z
    .string()
    .regex(/^\d{1,9}$/, 'must be the id of an event, a number')
    .default('0')
    .transform(Number)
    .describe('The id of the last event that was received: only later ones are sent'),
});

const eventStream = z.any().meta({
  type: 'string',
  example: 'id: 2\nevent: reserved\ndata: {"at":"2026-11-21T03:16:26.506Z","kind":"history",…}\n\n',
});

/**
 * An order's history as server-sent events, https://html.spec.whatwg.org/multipage/server-sent-events.html
 *
 * @param options.heartbeatMs within which something is sent in any case: well below the time after which the server, or
 * whatever is in front of it, cuts off a connection that stands still; fifteen seconds by default
 */
export function registerOrderEventsRoute(
  app: HttpServer,
  { watchOrder, heartbeatMs = 15_000 }: { watchOrder: WatchOrder; heartbeatMs?: number },
): void {
  app.get(
    '/orders/:id/events',
    {
      config: { access: 'orders:read' },
      schema: {
        operationId: 'watchOrder',
        tags: ['orders'],
        summary: 'What happens to an order, while it happens',
        description:
          'Server-sent events: the `history` entries of the timeline, from the first one or the one behind `Last-Event-ID` on. `id` is the version of the order, `event` the type, `data` the entry. The event `end` says that nothing can follow; whoever asks again after it gets 204.',
        params: orderIdParams,
        headers: lastEventIdHeader,
        response: {
          200: { description: 'The events', content: { 'text/event-stream': { schema: eventStream } } },
          204: z.null().describe('The order has ended, and everything was received'),
          ...problems(400, 404, 503),
        },
      },
    },
    async (request, reply) => {
      const entries = await watchOrder({
        orderId: request.params.id,
        after: request.headers[lastEventId],
        caller: request.caller,
        signal: closingOf(reply.raw),
      });
      if (!entries) return reply.code(204).send(null);
      return reply
        .header('content-type', 'text/event-stream; charset=utf-8')
        .header('cache-control', 'no-store, no-transform')
        .header('x-accel-buffering', 'no')
        .send(Readable.from(toFrames(entries, heartbeatMs), { highWaterMark: 1 }));
    },
  );
}

/** Aborted once the response is over: sent to the end, or its client is gone. */
function closingOf(response: ServerResponse): AbortSignal {
  const closing = new AbortController();
  if (response.destroyed) closing.abort();
  response.once('close', () => closing.abort());
  return closing.signal;
}

/** Ends without `end` when the service stops or the token expires: the client comes back, to another process, with another. */
async function* toFrames(entries: AsyncIterable<HistoryEntry>, heartbeatMs: number): AsyncGenerator<string> {
  yield `retry: ${reconnectMs}\n\n`;
  try {
    for await (const entry of withHeartbeats(entries, heartbeatMs)) {
      yield entry === undefined ? ': nothing new\n\n' : toFrame(entry);
    }
    yield 'event: end\ndata: {}\n\n';
  } catch (error) {
    const isInterrupted =
      error instanceof AppError && (error.code === 'SHUTTING_DOWN' || error.code === 'UNAUTHENTICATED');
    if (!isInterrupted) throw error;
  }
}

function toFrame(entry: HistoryEntry): string {
  return `id: ${entry.detail.version}\nevent: ${entry.type}\ndata: ${JSON.stringify(entry)}\n\n`;
}

/** The items, and `undefined` whenever none has come for `pauseMs`. */
async function* withHeartbeats<Item>(
  items: AsyncIterable<Item>,
  pauseMs: number,
): AsyncGenerator<Item | undefined> {
  const iterator = items[Symbol.asyncIterator]();
  while (true) {
    const come = new AbortController();
    const next = iterator.next().finally(() => come.abort());
    // It may fail while nobody waits for it, and still does when it is waited for.
    next.catch(() => undefined);
    while (await isQuiet(pauseMs, come.signal)) yield undefined;
    const { done, value } = await next;
    if (done) return;
    yield value;
  }
}

async function isQuiet(milliseconds: number, signal: AbortSignal): Promise<boolean> {
  await sleep(milliseconds, signal);
  return !signal.aborted;
}
