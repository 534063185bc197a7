import type { EntryKind, LedgerEntry, Payment, PaymentStatus } from './contract.ts';

/** An entry before the ledger gave it its number and time. */
export type NewEntry = Omit<LedgerEntry, 'seq' | 'time'>;

/** The entry that says that something happened to this payment. */
export function entryOn(
  payment: Payment,
  kind: EntryKind,
  amountMinor: number,
  more: { refundId?: string; refundKey?: string } = {},
): NewEntry {
  const { id: paymentId, key, reference, currency } = payment;
  return { kind, paymentId, key, reference, amountMinor, currency, ...more };
}

/** What can still be given back, in minor units. */
export function heldMinor(payment: Payment): number {
  return payment.capturedMinor - payment.refundedMinor;
}

/** The payment as it was right after the charge, which is what a replay of the charge answers. */
export function asFirstAnswered(payment: Payment): Payment {
  const first = payment.capture
    ? { status: 'captured' as const, capturedMinor: payment.amountMinor }
    : { status: 'authorized' as const, capturedMinor: 0 };
  return { ...payment, ...first, refundedMinor: 0 };
}

/** The payment after this entry; payments are values, so that an answer being sent never changes under way. */
export function evolve(payment: Payment | undefined, entry: LedgerEntry): Payment {
  if (payment === undefined) return opened(entry);
  switch (entry.kind) {
    case 'captured':
      return { ...payment, status: 'captured', capturedMinor: entry.amountMinor };
    case 'voided':
      return { ...payment, status: 'voided' };
    case 'refunded': {
      const refundedMinor = payment.refundedMinor + entry.amountMinor;
      const status: PaymentStatus =
        refundedMinor === payment.capturedMinor ? 'refunded' : 'partially_refunded';
      return { ...payment, status, refundedMinor };
    }
    case 'cancelled':
      return { ...payment, status: 'cancelled' };
    case 'authorized':
    case 'declined':
      throw new Error(`Entry ${entry.seq} opens payment ${payment.id} a second time`);
    default:
      return entry.kind satisfies never;
  }
}

function opened(entry: LedgerEntry): Payment {
  const { kind } = entry;
  const opens = kind === 'captured' || kind === 'authorized' || kind === 'declined';
  if (!opens || entry.paymentId === null || entry.reference === null || entry.currency === null) {
    throw new Error(`Entry ${entry.seq} speaks of a payment that was never made`);
  }
  const payment: Payment = {
    id: entry.paymentId,
    key: entry.key,
    reference: entry.reference,
    amountMinor: entry.amountMinor,
    currency: entry.currency,
    capture: kind === 'declined' ? (entry.capture ?? true) : kind === 'captured',
    status: kind,
    capturedMinor: kind === 'captured' ? entry.amountMinor : 0,
    refundedMinor: 0,
    createdAt: entry.time,
  };
  return entry.reason === undefined ? payment : { ...payment, reason: entry.reason };
}
