import { traceIdOf, traceparentIn } from '#shared/observability/trace-context.ts';
import type { HistoryEntry } from '../../application/ports/order-progress.ts';
import type { TimelineEntry } from '../../application/ports/order-repository.ts';
import type { PrismaClient } from './generated/client.ts';

/** What of an event the timeline shows. */
export interface HistoryRow {
  readonly version: number;
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly actor: string;
  readonly correlationId: string;
  readonly traceparent: string;
  readonly occurredAt: Date;
}

export function toHistoryEntry(event: HistoryRow): HistoryEntry {
  return {
    at: event.occurredAt,
    kind: 'history',
    type: event.type,
    detail: {
      version: event.version,
      actor: event.actor,
      correlationId: event.correlationId,
      traceId: traceIdOf(event.traceparent),
      data: event.data,
    },
  };
}

/** Everything order_db knows about one order, oldest first: its history, what was announced and received, who intervened. */
export async function readTimeline(prisma: PrismaClient, orderId: string): Promise<readonly TimelineEntry[]> {
  const [events, announced, received, actions] = await Promise.all([
    prisma.orderEvent.findMany({ where: { orderId }, orderBy: { version: 'asc' } }),
    prisma.outboxMessage.findMany({ where: { orderId }, orderBy: { id: 'asc' } }),
    prisma.inboxMessage.findMany({ where: { orderId }, orderBy: { receivedAt: 'asc' } }),
    prisma.operatorAction.findMany({ where: { orderId }, orderBy: { occurredAt: 'asc' } }),
  ]);
  const entries: TimelineEntry[] = [
    ...events.map((event) => toHistoryEntry(event as HistoryRow)),
    ...announced.map((message) => ({
      at: message.publishedAt ?? message.createdAt,
      kind: message.publishedAt ? ('published' as const) : ('waiting' as const),
      type: message.type,
      detail: {
        messageId: message.messageId,
        sequence: message.sequence,
        ...traceOf(message),
        ...(message.attempts > 0 ? { failedAttempts: message.attempts, lastError: message.lastError } : {}),
      },
    })),
    ...received.map((message) => ({
      at: message.receivedAt,
      kind: 'received' as const,
      type: message.type,
      detail: { messageId: message.messageId, sequence: message.sequence, outcome: message.outcome },
    })),
    ...actions.map(({ occurredAt, type, operator, detail }) => ({
      at: occurredAt,
      kind: 'operator' as const,
      type,
      detail: { operator, ...(detail as Readonly<Record<string, unknown>>) },
    })),
  ];
  return entries.sort((a, b) => a.at.getTime() - b.at.getTime());
}

function traceOf({ payload }: { payload: string }): { traceId?: string } {
  const traceparent = traceparentIn(payload);
  return traceparent === undefined ? {} : { traceId: traceIdOf(traceparent) };
}
