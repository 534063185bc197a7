import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createCharges } from './charges.ts';
import type { ChargeRequest, Payment } from './contract.ts';
import { type Ledger, openLedger } from './ledger.ts';
import { createPayments } from './payments.ts';

const order = (reference: string, amountMinor: number, changes = {}): ChargeRequest => ({
  reference,
  amountMinor,
  currency: 'EUR',
  capture: true,
  ...changes,
});

let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ledger-'));
  file = join(folder, 'ledger.jsonl');
});
afterEach(() => rmSync(folder, { recursive: true }));

const open = (): Ledger => openLedger({ file, now: () => new Date('2026-11-21T10:00:00Z') });

/** A day at the provider: something of every kind. */
function fill(ledger: Ledger): void {
  const charges = createCharges({ ledger });
  const payments = createPayments({ ledger });
  charges.charge('a', order('order-a', 1000));
  const { value: b } = charges.charge('b', order('order-b', 2000));
  payments.refund(b.id, { key: 'refund-b', amountMinor: 500 });
  const { value: c } = charges.charge('c', order('order-c', 300, { capture: false, currency: 'USD' }));
  payments.capture(c.id);
  const { value: d } = charges.charge('d', order('order-d', 400, { capture: false }));
  payments.void(d.id);
  expect(() => charges.charge('e', order('order-e', 70), 'stolen_card')).toThrow('stolen_card');
  charges.cancel('a');
  charges.cancel('never-charged');
}

/** Everything that can be asked. */
const knowledge = (ledger: Ledger) => ({
  page: ledger.page({ after: 0, limit: 100 }),
  summary: ledger.summary(),
  payments: ['a', 'b', 'c', 'd', 'e'].map((key) => ledger.paymentByKey(key)),
  cancelled: ['a', 'b', 'never-charged'].map((key) => ledger.isCancelled(key)),
  refund: ledger.refundByKey('refund-b'),
});

describe('a ledger', () => {
  test('sums what was captured and refunded by currency', () => {
    const ledger = open();
    fill(ledger);
    expect(ledger.summary()).toEqual({
      entries: 11,
      payments: 5,
      cancelledKeys: 2,
      currencies: [
        {
          currency: 'EUR',
          entries: { authorized: 1, captured: 2, voided: 1, refunded: 2, declined: 1, cancelled: 1 },
          capturedMinor: 3000,
          refundedMinor: 1500,
          netMinor: 1500,
        },
        {
          currency: 'USD',
          entries: { authorized: 1, captured: 1, voided: 0, refunded: 0, declined: 0, cancelled: 0 },
          capturedMinor: 300,
          refundedMinor: 0,
          netMinor: 300,
        },
      ],
    });
    ledger.close();
  });

  test('knows after a restart all that it knew before', () => {
    const before = open();
    fill(before);
    const known = knowledge(before);
    before.close();
    const after = open();
    expect(knowledge(after)).toEqual(known);
    const { id: paymentId, key, reference, currency } = known.payments[1] as Payment;
    const next = after.record({ kind: 'refunded', paymentId, key, reference, currency, amountMinor: 1 });
    expect(next.seq).toBe(12);
    after.close();
  });

  test('gives pages of a reference, and of everything, that end with a null cursor', () => {
    const ledger = open();
    fill(ledger);
    const kinds = (page: { items: readonly { kind: string }[] }) => page.items.map(({ kind }) => kind);
    const first = ledger.page({ after: 0, limit: 2, reference: 'order-a' });
    expect(kinds(first)).toEqual(['captured', 'refunded']);
    const second = ledger.page({ after: Number(first.nextCursor), limit: 2, reference: 'order-a' });
    expect(kinds(second)).toEqual(['cancelled']);
    expect(second.nextCursor).toBeNull();
    expect(ledger.page({ after: 9, limit: 2 })).toMatchObject({
      items: [{ seq: 10 }, { seq: 11 }],
      nextCursor: null,
    });
    expect(ledger.page({ after: 11, limit: 2 })).toEqual({ items: [], nextCursor: null });
    expect(ledger.page({ after: 0, limit: 2, reference: 'nobody' })).toEqual({ items: [], nextCursor: null });
    ledger.close();
  });

  test('forgets half an entry, so that the numbers stay without a gap', () => {
    const before = open();
    fill(before);
    before.close();
    writeFileSync(file, readFileSync(file, 'utf8').slice(0, -20));
    const torn: string[] = [];
    const after = openLedger({ file, now: () => new Date(), onTorn: (tail) => torn.push(tail) });
    expect(torn).toHaveLength(1);
    expect(after.isCancelled('never-charged')).toBe(false);
    expect(createCharges({ ledger: after }).cancel('never-charged').status).toBe('cancelled');
    expect(after.page({ after: 10, limit: 10 }).items).toMatchObject([{ seq: 11, kind: 'cancelled' }]);
    after.close();
  });

  test('refuses a file in which an entry is missing or was written twice', () => {
    const ledger = open();
    fill(ledger);
    ledger.close();
    const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
    writeFileSync(file, `${lines.toSpliced(4, 1).join('\n')}\n`);
    expect(open).toThrow('expected entry 5, found 6');
    writeFileSync(file, `${lines.join('\n')}\n`);
    appendFileSync(file, `${lines.at(-1)}\n`);
    expect(open).toThrow('expected entry 12, found 11');
  });
});
