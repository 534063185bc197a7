import { expect, test } from '@jest/globals';
import { newId } from '#shared/kernel/ids.ts';
import type { Publication } from '../witnesses/publications.ts';
import { createPublicationAudit } from './published-is-committed.ts';

const terms = { at: 2_000_000, overdueMs: 0, outboxRetentionMs: 10_000_000 };
const since = 1_000_000;
const orderId = newId();

function row(sequence: number, publishedAt: number, more: Partial<Publication> = {}): Publication {
  const type = 'order.reserved.v1';
  const of = { id: sequence, messageId: newId(), orderId, type, sequence, payload: '{}' };
  return { ...of, createdAt: publishedAt, publishedAt, isRepeated: false, ...more };
}

/** What is found when these rows came into the log from `since` on, in this order. */
function findings(rows: readonly Publication[], logged: readonly Publication[]) {
  const audit = createPublicationAudit({ terms, edits: new Set(), since, begunAt: terms.at });
  const messages = logged.map(({ messageId, type, payload, createdAt }, index) => {
    return { offset: 10 + index, messageId, type, orderId, body: payload, time: createdAt };
  });
  const found = audit.messages(messages, { order_db: [], processor_db: rows });
  return found.map(({ invariant, what }) => `${invariant} ${what}`);
}

test('a message that came into the log before the one in front of it is found', () => {
  const [first, second] = [row(1, since + 1_000), row(2, since + 1_000)];
  expect(findings([first, second], [second, first])).toEqual(['I8 was published 2 before 1']);
  const again = { publishedAt: since + 500_000, isRepeated: true };
  const [one, two] = [row(1, since + 1_000, again), row(2, since + 1_000, again)];
  expect(findings([one, two], [two, one, two])).toEqual(['I8 was published 2 before 1']);
});

test('one that came before what was read begins, and then again, is not missed in front of others', () => {
  const again = { createdAt: since - 1_000, publishedAt: since + 500_000, isRepeated: true };
  const [early, late] = [row(1, 0, again), row(2, 0, { ...again, createdAt: since + 1_000 })];
  expect(findings([early, late], [late, early, late])).toEqual([]);
});
