import { type Finding, type Terms } from '#shared/audit/check.ts';
import { mayBeForgotten } from '#shared/audit/outbox-entry.ts';
import type { LoggedMessage } from '../witnesses/event-log.ts';
import type { Publication } from '../witnesses/publications.ts';
import { createNumberSet, type NumberSet } from './number-set.ts';

/** What each service has committed; ids of rows are their own. */
export type Side = 'order_db' | 'processor_db';
export type Committed = Readonly<Record<Side, readonly Publication[]>>;

export const publishedIsCommitted = {
  invariant: 'I6',
  compares: 'both outboxes with the event log, both ways',
} as const;

export const publishedInOrder = {
  invariant: 'I8',
  compares:
    'the order in which the messages about each order first came into the event log with their sequences',
} as const;

/** When it was published for the first time, or earlier: of what was published again nobody knows it any more. */
const firstOf = (row: Publication): Publication =>
  row.publishedAt !== null && row.isRepeated ? { ...row, publishedAt: row.createdAt } : row;

/** Operators are reported outside of the sequence of an order. */
const standsOutside = ({ type }: Publication): boolean => type === 'order.operator_acted.v1';

/** No two marks of rows that were published together are further apart. */
const markingMs = 60_000;

/**
 * Compares the event log, read once from its beginning on, with what was committed. Remembers one bit for each row, so
 * that millions of messages are no matter.
 */
export function createPublicationAudit(options: {
  terms: Terms;
  /** Ids of the messages by which operators replaced others: committed as what they did. */
  edits: ReadonlySet<string>;
  /** Since when the log was asked for, in milliseconds since 1970. */
  since: number | undefined;
  /** When reading the log began: what is published from then on may not be in what was read. */
  begunAt: number;
}) {
  const { terms, edits, since, begunAt } = options;
  const seen: Readonly<Record<Side, NumberSet>> = {
    order_db: createNumberSet(),
    processor_db: createNumberSet(),
  };
  /** From when on everything that was published has to be in what is read. */
  let completeFrom = since;

  function* judgeMessage(message: LoggedMessage, side: Side | undefined, rows: readonly Publication[]) {
    const { messageId, type, body, time } = message;
    const subject = message.orderId ?? messageId;
    const row = rows.find((each) => each.messageId === messageId);
    completeFrom ??= message.offset === 0 ? 0 : (row?.publishedAt ?? time) + markingMs;
    if (edits.has(messageId)) return;
    if (!row || !side) {
      if (!mayBeForgotten(time, terms))
        yield {
          invariant: 'I6',
          subject,
          what: `was published as ${type || 'something'} that was never committed`,
        };
      return;
    }
    if (row.payload !== body)
      yield { invariant: 'I6', subject, what: `was published as ${type} otherwise than it was committed` };
    if (seen[side].has(row.id)) return;
    seen[side].add(row.id);
    if (standsOutside(row)) return;
    const before = rows.find((each) => each.sequence === row.sequence - 1 && !standsOutside(each));
    if (before && mustBeSeen(firstOf(before)) && !seen[side].has(before.id))
      yield { invariant: 'I8', subject, what: `was published ${row.sequence} before ${before.sequence}` };
  }

  function mustBeSeen({ publishedAt }: Publication): boolean {
    return publishedAt !== null && publishedAt >= (completeFrom ?? 0) && publishedAt < begunAt;
  }

  return {
    /** What is wrong with the next messages of the log. @param committed all rows about the orders they are about */
    messages(batch: readonly LoggedMessage[], committed: Committed): readonly Finding[] {
      const rowsOf = (side: Side) => Map.groupBy(committed[side], ({ orderId }) => orderId);
      const rows = { order_db: rowsOf('order_db'), processor_db: rowsOf('processor_db') };
      const sideOf = ({ messageId, orderId = '' }: LoggedMessage): Side | undefined =>
        (['order_db', 'processor_db'] as const).find((side) =>
          rows[side].get(orderId)?.some((row) => row.messageId === messageId),
        );
      return batch.flatMap((message): Finding[] => {
        const side = sideOf(message);
        const theirs = side ? (rows[side].get(message.orderId ?? '') ?? []) : [];
        return [...(judgeMessage(message, side, theirs) as Iterable<Finding>)];
      });
    },

    /** Once the log is read: what is wrong with these rows of an outbox. */
    rows(side: Side, rows: readonly Publication[]): readonly Finding[] {
      return rows
        .filter((row) => mustBeSeen(row) && !seen[side].has(row.id))
        .map(({ orderId, type }) => ({
          invariant: 'I6',
          subject: orderId,
          what: `has ${type} committed and never published`,
        }));
    },
  };
}
