import type { EntryKind, LedgerEntry, LedgerPage, LedgerSummary, Payment } from './contract.ts';
import { forgetfulJournal, type Journal, openJournal } from './journal.ts';
import { evolve, type NewEntry } from './payment.ts';

/** What happened, in order and for good; everything else the provider knows is folded from it. */
export interface Ledger {
  /** Writes down what has just happened and gives the entry its number and time. */
  record(entry: NewEntry): LedgerEntry;
  payment(id: string): Payment | undefined;
  paymentByKey(key: string): Payment | undefined;
  isCancelled(key: string): boolean;
  refundByKey(refundKey: string): LedgerEntry | undefined;
  /** Entries behind the sequence number `after`, oldest first. */
  page(query: { after: number; limit: number; reference?: string | undefined }): LedgerPage;
  summary(): LedgerSummary;
  /** Resolves once everything recorded so far would survive the death of this process. */
  durable(): Promise<void>;
  close(): void;
}

interface Totals {
  entries: Record<EntryKind, number>;
  capturedMinor: number;
  refundedMinor: number;
}

/**
 * Opens the ledger kept in `file`, or one that is forgotten with the process if no file is given.
 *
 * @throws if the file holds anything but this ledger's entries, numbered without a gap; a torn last line is cut off and
 *   reported to `onTorn`.
 */
export function openLedger(options: {
  file?: string | undefined;
  now: () => Date;
  onTorn?: (tail: string) => void;
}): Ledger {
  const book = emptyBook();
  const replay = (record: unknown): void => book.apply(nextEntry(record, book.entries.length));
  const journal: Journal =
    options.file === undefined
      ? forgetfulJournal()
      : openJournal({ file: options.file, replay, onTorn: options.onTorn ?? (() => {}) });

  return {
    record(entry) {
      const numbered: LedgerEntry = {
        seq: book.entries.length + 1,
        time: options.now().toISOString(),
        ...entry,
      };
      journal.append(numbered);
      book.apply(numbered);
      return numbered;
    },
    payment: (id) => book.payments.get(id),
    paymentByKey: (key) => book.paymentsByKey.get(key),
    isCancelled: (key) => book.cancelledKeys.has(key),
    refundByKey: (refundKey) => book.refundsByKey.get(refundKey),
    page: (query) => pageOf(book, query),
    summary: () => summaryOf(book),
    durable: () => journal.flushed(),
    close: () => journal.close(),
  };
}

type Book = ReturnType<typeof emptyBook>;

function emptyBook() {
  const entries: LedgerEntry[] = [];
  const entriesByReference = new Map<string, LedgerEntry[]>();
  const payments = new Map<string, Payment>();
  const paymentsByKey = new Map<string, Payment>();
  const refundsByKey = new Map<string, LedgerEntry>();
  const cancelledKeys = new Set<string>();
  const totals = new Map<string, Totals>();

  const apply = (entry: LedgerEntry): void => {
    entries.push(entry);
    if (entry.kind === 'cancelled') cancelledKeys.add(entry.key);
    if (entry.refundKey !== undefined) refundsByKey.set(entry.refundKey, entry);
    if (entry.reference !== null) listUnder(entriesByReference, entry.reference, entry);
    if (entry.currency !== null) count(totals, entry.currency, entry);
    if (entry.paymentId === null) return;
    const payment = evolve(payments.get(entry.paymentId), entry);
    payments.set(payment.id, payment);
    paymentsByKey.set(payment.key, payment);
  };

  return {
    apply,
    entries,
    entriesByReference,
    payments,
    paymentsByKey,
    refundsByKey,
    cancelledKeys,
    totals,
  };
}

/** Entries are numbered without a gap: two processes on one file, or a line lost in the middle, show at once. */
function nextEntry(record: unknown, previousSeq: number): LedgerEntry {
  const entry = record as LedgerEntry;
  if (entry.seq !== previousSeq + 1) {
    throw new Error(`Ledger is damaged: expected entry ${previousSeq + 1}, found ${String(entry.seq)}`);
  }
  return entry;
}

function listUnder(lists: Map<string, LedgerEntry[]>, reference: string, entry: LedgerEntry): void {
  const list = lists.get(reference);
  if (list === undefined) lists.set(reference, [entry]);
  else list.push(entry);
}

function count(totals: Map<string, Totals>, currency: string, entry: LedgerEntry): void {
  let sums = totals.get(currency);
  if (sums === undefined) {
    const entries = { authorized: 0, captured: 0, voided: 0, refunded: 0, declined: 0, cancelled: 0 };
    sums = { entries, capturedMinor: 0, refundedMinor: 0 };
    totals.set(currency, sums);
  }
  sums.entries[entry.kind] += 1;
  if (entry.kind === 'captured') sums.capturedMinor += entry.amountMinor;
  if (entry.kind === 'refunded') sums.refundedMinor += entry.amountMinor;
}

function pageOf(book: Book, query: Parameters<Ledger['page']>[0]): LedgerPage {
  const { after, limit, reference } = query;
  const source = reference === undefined ? book.entries : (book.entriesByReference.get(reference) ?? []);
  // Without a filter, an entry's place is its number: a page costs the same at any depth.
  const start = reference === undefined ? after : source.findIndex((entry) => entry.seq > after);
  const items = start === -1 ? [] : source.slice(start, start + limit);
  const last = items.at(-1);
  const more = last !== undefined && last !== source.at(-1);
  return { items, nextCursor: more ? String(last.seq) : null };
}

function summaryOf(book: Book): LedgerSummary {
  const currencies = [...book.totals].map(([currency, { entries, capturedMinor, refundedMinor }]) => ({
    currency,
    entries,
    capturedMinor,
    refundedMinor,
    netMinor: capturedMinor - refundedMinor,
  }));
  return {
    entries: book.entries.length,
    payments: book.payments.size,
    cancelledKeys: book.cancelledKeys.size,
    currencies,
  };
}
