import type { Finding, Terms } from '#shared/audit/check.ts';
import { judge } from '#shared/audit/check.ts';
import type { InvariantId } from '#shared/audit/invariants.ts';
import { isUuid } from '#shared/kernel/ids.ts';
import { judgeCases } from './checks/case-checks.ts';
import { stockMatchesReservations } from './checks/stock-matches-reservations.ts';
import { type Context, collectCases, type Witnesses } from './collect-cases.ts';
import { compareEventLog } from './compare-event-log.ts';
import { ordersToLookAt } from './orders-to-look-at.ts';
import { confirm } from './second-look.ts';

/** How long a message may wait in the outbox, and how many of those that wait for longer are looked at. */
const freshMs = 30_000;
const mostWaiting = 1_000;
const pageSize = 200;

export interface AuditOptions {
  /** Only what is new since then, in milliseconds since 1970; left out: everything. */
  readonly since?: number | undefined;
  readonly overdueMs: number;
  readonly outboxRetentionMs: number;
  /** How long a finding may take to turn out as something in flight. */
  readonly patienceMs: number;
  readonly onProgress?: (counts: Readonly<Counts>) => void;
  /** Told before so many findings are looked at again, for as long as the patience lasts. */
  readonly onDoubt?: (findings: number) => void;
}

/** How much was looked at. */
export interface Counts {
  orders: number;
  messages: number;
  skus: number;
}

export interface AuditReport {
  readonly findings: readonly Finding[];
  /** Whom nobody could ask, why, and about what nothing can be said without him. */
  readonly silent: readonly {
    readonly witness: string;
    readonly why: string;
    readonly about: readonly InvariantId[];
  }[];
  readonly counts: Readonly<Counts>;
}

/**
 * Holds both databases, the provider's ledger and the broker against each other, and changes nothing.
 *
 * @throws what the driver throws when a database is away
 */
export async function audit(witnesses: Witnesses, options: AuditOptions): Promise<AuditReport> {
  const { since, overdueMs, outboxRetentionMs, patienceMs, onProgress, onDoubt } = options;
  const counts: Counts = { orders: 0, messages: 0, skus: 0 };
  const silent: AuditReport['silent'][number][] = [];
  const termsNow = (): Terms => ({ at: Date.now(), overdueMs, outboxRetentionMs });

  async function ask<T>(
    witness: string,
    about: readonly InvariantId[],
    question: () => Promise<T>,
  ): Promise<T | null> {
    try {
      return await question();
    } catch (error) {
      silent.push({ witness, why: reasonOf(error), about });
      return null;
    }
  }

  const context: Context = {
    letters: await ask('the dead-letter queues', ['I9', 'I10'], witnesses.deadLetters),
    hasLedger: (await ask("the provider's ledger", ['I4'], witnesses.ledger.ping)) !== null,
    edits: await editsIn(witnesses),
  };
  const look = async (ids: readonly string[], now: Context): Promise<readonly Finding[]> =>
    judgeCases(await collectCases(witnesses, ids, now), termsNow());

  // While the broker is away messages wait, and rightly so.
  const lookForWaiting = async () => (context.letters ? waitingMessages(witnesses) : []);
  const suspects: Finding[] = [...foreignLetters(context), ...(await lookForWaiting())];
  for await (const ids of ordersToLookAt(witnesses, { since, context })) {
    suspects.push(...(await look(ids, context)));
    counts.orders += ids.length;
    onProgress?.(counts);
  }
  const stock = await witnesses.processor.wholeStock();
  counts.skus = stock.length;
  const readLog = () =>
    compareEventLog(witnesses, {
      since,
      terms: termsNow(),
      edits: context.edits,
      onMessages(count) {
        counts.messages += count;
        onProgress?.(counts);
      },
    });
  const published = await ask('the event log', ['I6'], async () => foundTwice(await readLog(), readLog));

  if (suspects.length > 0) onDoubt?.(suspects.length);
  const confirmed = await confirm(suspects, {
    patienceMs,
    async look(subjects) {
      const letters = context.letters && (await witnesses.deadLetters());
      const now = { ...context, letters, edits: await editsIn(witnesses) };
      const ids = subjects.filter((subject) => isUuid(subject));
      const found: Finding[] = [...foreignLetters(now), ...(await lookForWaiting())];
      for (let from = 0; from < ids.length; from += pageSize)
        found.push(...(await look(ids.slice(from, from + pageSize), now)));
      return found;
    },
  });
  const findings = [
    ...confirmed,
    ...judge([stockMatchesReservations], stock, termsNow()),
    ...(published ?? []),
  ];
  return { findings, silent, counts };
}

/** The end of a stream can only be guessed, and a broker under load may be slower than the guess. */
async function foundTwice(
  findings: readonly Finding[],
  look: () => Promise<readonly Finding[]>,
): Promise<readonly Finding[]> {
  if (findings.length === 0) return findings;
  const before = new Set(findings.map((finding) => JSON.stringify(finding)));
  return (await look()).filter((finding) => before.has(JSON.stringify(finding)));
}

async function editsIn({ processor }: Witnesses): Promise<Context['edits']> {
  const byOrder = Map.groupBy(await processor.edits(), ({ orderId }) => orderId ?? '');
  return new Map([...byOrder].map(([orderId, rows]) => [orderId, rows.map(({ messageId }) => messageId)]));
}

/** Dead letters that name no order cannot be anybody's. */
function foreignLetters({ letters, edits }: Context): readonly Finding[] {
  const edited = new Set([...edits.values()].flat());
  return [...(letters ?? [])]
    .filter(([, [letter]]) => letter?.namesOrder === false)
    .flatMap(([, theirs]) => theirs.filter(({ messageId }) => !edited.has(messageId)))
    .map(({ messageId: subject }) => ({
      invariant: 'I10',
      subject,
      what: 'is a dead letter that names no order',
    }));
}

async function waitingMessages({ orders, processor }: Witnesses): Promise<readonly Finding[]> {
  const sides = [orders, processor].map(({ outbox }) => outbox.waiting(freshMs, mostWaiting));
  return (await Promise.all(sides)).flat().map(({ orderId, type }) => ({
    invariant: 'I9',
    subject: orderId,
    what: `has ${type} waiting in the outbox`,
  }));
}

/** What went wrong, in a line. */
export function reasonOf(error: unknown): string {
  const { message, cause, code } = error as Error & { code?: unknown };
  const why = cause instanceof Error ? `: ${cause.message}` : '';
  return `${message || String(code)}${why}`;
}
